"""The test project's addresses, and views that do what no good view does."""

from __future__ import annotations

from django.urls import include, path

from tests.e2e import site_views

urlpatterns = [
    path("bad/plain/", site_views.plain),
    path("bad/echo/", site_views.echo),
    path("bad/raise/<slug:name>/", site_views.fail),
    path("bad/metrics/", site_views.metrics),
    path("bad/metadata/", site_views.metadata),
    path("bad/secrets/<slug:outcome>/", site_views.with_secrets),
    path("", include("testproject.urls")),
]
