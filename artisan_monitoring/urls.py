"""The URLs of the health endpoints: `path("health/", include("artisan_monitoring.urls"))`."""

from __future__ import annotations

from django.urls import path

from .health import views

app_name = "artisan_monitoring"

urlpatterns = [
    path("", views.health, name="health"),
    path("liveness", views.liveness, name="liveness"),
    path("readiness", views.readiness, name="readiness"),
    path("readiness/<str:name>", views.readiness_of, name="readiness_of"),
    path("startup", views.startup, name="startup"),
    path("detailed", views.detailed, name="detailed"),
    path("metrics", views.metrics, name="metrics"),
    path("prometheus", views.prometheus, name="prometheus"),
]
