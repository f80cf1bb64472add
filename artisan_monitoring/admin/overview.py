"""The overview in the admin: a page that stands where a model's list would, under a permission of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from ..dashboard import overview, ranges, route, top_routes
from ..dashboard.windows import Span
from ..models import Overview
from .base import M, ReadOnlyAdmin

SHOWN_CHARS = 200
"""As long as names and tags may be."""


class PageAdmin(ReadOnlyAdmin[M]):
    """A page in place of a model's list. `artisan_monitoring.view_<model>` opens it; it has no other address.

    The admin's own machinery does the rest: the entry in its index and side bar, the log-in, the theme.
    """

    class Media:
        css = {"all": ("artisan_monitoring/overview.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Offer the page alone: there is no row to look at, and no history."""
        view = self.admin_site.admin_view(self.changelist_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [path("", view, name=f"{name}_changelist"), path("", view, name=name)]

    def page(
        self,
        request: HttpRequest,
        template: str,
        context: Mapping[str, object],
        extra: Mapping[str, object] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Answer with the page."""
        request.current_app = self.admin_site.name  # where {% url %} looks
        shell = {} if "fragment" in request.GET else self.admin_site.each_context(request)
        full = {**shell, "opts": self.opts, "media": self.media, **context, **(extra or {})}
        return TemplateResponse(request, f"admin/artisan_monitoring/{template}", full, status=status)

    def not_found(self, request: HttpRequest, title: str, said: str) -> HttpResponse:
        """Answer 404 with a page that says what there is not, and leads back."""
        return self.page(request, "not_found.html", {"title": title, "said": said}, status=404)

    def window(self, request: HttpRequest) -> tuple[Span, dict[str, object]]:
        """Return the window that the address asks for, and what the template says and keeps beside it."""
        found = ranges.chosen(request.GET, time.time())
        kept = [(key, each) for key, values in request.GET.lists() if key not in ranges.IN_A_WINDOW for each in values]
        return found.span, {"notice": found.notice, "keep_fields": kept}

    def demand_view_permission(self, request: HttpRequest) -> None:
        """Raise `PermissionDenied` for who may not see this page."""
        if not self.has_view_permission(request):
            raise PermissionDenied


@admin.register(Overview)
class OverviewAdmin(PageAdmin[Overview]):
    """The overview, and the page of one route. Errors and alerts are on them for who may see those."""

    def get_urls(self) -> list[URLPattern]:
        """Offer the route's page beside the overview, under the same permission."""
        view = self.admin_site.admin_view(self.route_view)
        return [path("route/", view, name=f"{self.opts.app_label}_overview_route"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        self.demand_view_permission(request)
        span, beside = self.window(request)
        context = overview.page(
            span,
            top_routes.chosen(request.GET.get("sort")),
            may_see_errors=request.user.has_perm("artisan_monitoring.view_errorgroup"),
            may_see_alerts=request.user.has_perm("artisan_monitoring.view_alert"),
            may_see_users=request.user.has_perm("artisan_monitoring.view_useractivity"),
        )
        template = "overview_body.html" if "fragment" in request.GET else "overview.html"
        return self.page(request, template, {"title": "Overview", **context, **beside}, extra_context)

    def route_view(self, request: HttpRequest) -> HttpResponse:
        """Show the route that `?route=` names, as its URL pattern is written in the metrics."""
        self.demand_view_permission(request)
        asked = request.GET.get("route")
        if asked is None:
            return self.not_found(request, "Route", "This address names no route.")
        span, beside = self.window(request)
        try:
            context = route.page(
                asked, span, may_see_errors=request.user.has_perm("artisan_monitoring.view_errorgroup")
            )
        except route.UnknownRoute:
            return self.not_found(request, "Route", f"No request on the route “{shorten(asked)}” is known.")
        template = "route_body.html" if "fragment" in request.GET else "route.html"
        return self.page(request, template, {"title": shorten(asked) or "No route matched", **context, **beside})


def shorten(text: str) -> str:
    """Return what an address names, short enough for a sentence."""
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
