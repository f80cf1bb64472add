"""The list of metrics and the page of each, read through the store: the same with tables and with Redis."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from ..core.series import MAX_TAGS
from ..dashboard import metric, metric_list
from ..dashboard.sections import Reader
from ..models import Metrics
from .overview import PageAdmin, shorten

MAX_SEARCH_CHARS = 200


@admin.register(Metrics)
class MetricsAdmin(PageAdmin[Metrics]):
    """What is recorded; a metric has a page of its own under the same permission."""

    def get_urls(self) -> list[URLPattern]:
        """Offer the metric's page beside the list."""
        view = self.admin_site.admin_view(self.metric_view)
        return [path("metric/", view, name=f"{self.opts.app_label}_metrics_metric"), *super().get_urls()]

    def metric_view(self, request: HttpRequest) -> HttpResponse:
        """Show the metric that `?name=` names, grouped by `?by=` and filtered by any number of `?where=tag=value`."""
        self.demand_view_permission(request)
        name, kind, unit, by = (request.GET.get(key, "") for key in ("name", "kind", "unit", "by"))
        where = tuple(dict.fromkeys(request.GET.getlist("where")))[:MAX_TAGS]
        span, beside = self.window(request)
        try:
            context = metric.page(metric.Asked(name, kind, unit, by, where), span)
        except metric.UnknownMetric as unknown:
            return self.not_found(request, "Metric", shorten(str(unknown)))
        template = "metric_body.html" if "fragment" in request.GET else "metric.html"
        return self.page(request, template, {"title": shorten(name), **context, **beside})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        self.demand_view_permission(request)
        asked = request.GET.get("q", "").strip()[:MAX_SEARCH_CHARS]
        reader = Reader()
        found = reader.store("metrics", lambda: metric_list.metrics(asked))
        pages = Paginator(found.value or [], metric_list.PER_PAGE)
        page = pages.get_page(request.GET.get("p", "1"))
        hour = reader.store("metrics", lambda: metric_list.fill(list(page)))
        context = {
            "title": "Metrics",
            "asked": asked,
            "page": page,
            "series": sum(len(each.series) for each in found.value or []),
            "hour": hour.value or "",
            "problem": found.problem or hour.problem,
        }
        return self.page(request, "metrics.html", context, extra_context)
