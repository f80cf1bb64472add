"""URLs of the test host: the admin, and what the app offers."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("health/", include("artisan_monitoring.urls"))]
