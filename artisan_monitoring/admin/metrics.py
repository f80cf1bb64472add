"""The list of metrics in the admin, read through the store: the same with tables and with Redis."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from ..dashboard import metric_list
from ..dashboard.sections import Reader
from ..models import Metrics
from .overview import PageAdmin

MAX_SEARCH_CHARS = 200


@admin.register(Metrics)
class MetricsAdmin(PageAdmin[Metrics]):
    """What is recorded."""

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
