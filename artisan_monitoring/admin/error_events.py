"""The admin's list of samples, to find an error by its request or user."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from ..models.errors import ErrorEvent
from .base import ReadOnlyAdmin, badge


@admin.register(ErrorEvent)
class ErrorEventAdmin(ReadOnlyAdmin[ErrorEvent]):
    """The samples, to find one by its request or user; each opens on its group's page."""

    list_display = ("occurred_at", "severity_badge", "type", "message", "route", "user_pk", "request_id", "release")
    list_filter = ("severity", "handled", "occurred_at")
    search_fields = ("=request_id", "=user_pk", "=trace_id", "type", "message")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorEvent]:
        return super().get_queryset(request).defer("details")

    @admin.display(description="Severity", ordering="severity")
    def severity_badge(self, event: ErrorEvent) -> SafeString:
        return badge(event.get_severity_display(), event.severity)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        if event is None:
            raise Http404
        return HttpResponseRedirect(
            f"{reverse('admin:artisan_monitoring_errorgroup_change', args=[event.group_id])}?event={event.pk}"
        )
