"""URLs of the test host: the admin and, once it is there, what the app offers."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls)]

if find_spec("artisan_monitoring.urls"):
    urlpatterns.append(path("health/", include("artisan_monitoring.urls")))
