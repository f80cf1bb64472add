"""The list of jobs in the admin, read through the store: the same with tables and with Redis."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from ..conf import get_settings
from ..dashboard import job_list
from ..dashboard.sections import Reader
from ..models import Jobs
from .overview import PageAdmin


@admin.register(Jobs)
class JobsAdmin(PageAdmin[Jobs]):
    """The periodic work."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        self.demand_view_permission(request)
        found = Reader().store("jobs", job_list.jobs)
        context = {
            "title": "Jobs",
            "jobs": found.value or [],
            "problem": found.problem,
            "housekeeping": get_settings().HOUSEKEEPING,
        }
        return self.page(request, "jobs.html", context, extra_context)
