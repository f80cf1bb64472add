"""The project's addresses: the shop, its API, the health endpoints and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Artisan Promotion Platform"
admin.site.site_title = "Artisan Promotion Platform"

urlpatterns = [
    path("health/", include("artisan_monitoring.urls")),
    path("admin/", admin.site.urls),
    path("", include("testproject.shop.urls")),
]
