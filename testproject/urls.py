"""The project's addresses: the shop, its API, the health endpoints and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = "Artisan Promotion Platform"
admin.site.site_title = "Artisan Promotion Platform"

urlpatterns = [
    path("health/", include("artisan_monitoring.urls")),
    path("admin/", admin.site.urls),
    # Browsers ask for it on pages that name no icon, such as the admin's.
    path("favicon.ico", RedirectView.as_view(url=static("shop/icon.svg"))),
    path("", include("testproject.shop.urls")),
]
