"""The admin's error pages: the list of groups, the page of one, and the samples behind a redirect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..errors.states import Actor, change_state
from ..models.errors import ErrorEvent, ErrorGroup
from . import error_page
from .base import ReadOnlyAdmin, badge
from .error_merging import GroupingActions

SPARK_HOURS = 24
State = ErrorGroup.State
_STATE_TONES = {State.OPEN: "quiet", State.RESOLVED: "good", State.MUTED: "low"}


class StateFilter(admin.SimpleListFilter):
    """Open groups unless asked otherwise: what is resolved or muted is off the table."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        return [("all", "All"), (State.RESOLVED.value, "Resolved"), (State.MUTED.value, "Muted")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[ErrorGroup]) -> QuerySet[ErrorGroup]:
        wanted = self.value() or State.OPEN.value
        return queryset if wanted == "all" else queryset.filter(state=wanted)


class ErrorChangeList(ChangeList):
    """The list, with the last day's counts of the groups on this page: one query for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        now = timezone.now()
        groups = list(self.result_list)  # fills the query set's cache: the template sees the same objects
        counts = error_page.hourly([group.pk for group in groups], now, SPARK_HOURS)
        for group in groups:
            group.spark = error_page.draw(
                counts.get(group.pk, {}), now, SPARK_HOURS, height=20, bar=3, span="the last 24 hours"
            )


@admin.register(ErrorGroup)
class ErrorGroupAdmin(GroupingActions, ReadOnlyAdmin[ErrorGroup]):
    list_display = ("error", "spark", "occurrences", "users_shown", "seen_last", "seen_first", "state_badge")
    list_display_links = None
    list_filter = (StateFilter, "severity", "handled", "last_seen")
    search_fields = ("type", "message", "culprit")
    actions = ("resolve", "mute", "reopen")
    ordering = ("-last_seen", "-pk")

    class Media:
        css = {"all": ("artisan_monitoring/errors.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorGroup]:
        return super().get_queryset(request).defer("users_sketch")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return ErrorChangeList

    @admin.display(description="Error", ordering="type")
    def error(self, group: ErrorGroup) -> SafeString:
        return format_html(
            '<div class="am-error">{} <a class="am-type" href="{}">{}</a>'
            '<div class="am-message">{}</div><div class="am-culprit">{}</div></div>',
            badge(group.get_severity_display(), group.severity),
            reverse("admin:artisan_monitoring_errorgroup_change", args=[group.pk]),
            group.type,
            group.message,
            group.culprit,
        )

    @admin.display(description="24 hours")
    def spark(self, group: ErrorGroup) -> SafeString:
        spark: SafeString = group.spark  # type: ignore[attr-defined]  # set by ErrorChangeList
        return spark

    @admin.display(description="Count", ordering="count")
    def occurrences(self, group: ErrorGroup) -> str:
        return f"{group.count:,}"

    @admin.display(description="Users", ordering="users")
    def users_shown(self, group: ErrorGroup) -> str:
        return f"{group.users:,}" if group.users else "–"

    @admin.display(description="Last seen", ordering="last_seen")
    def seen_last(self, group: ErrorGroup) -> SafeString:
        return _ago(group.last_seen, group.last_release)

    @admin.display(description="First seen", ordering="first_seen")
    def seen_first(self, group: ErrorGroup) -> SafeString:
        return _ago(group.first_seen, group.first_release)

    @admin.display(description="State", ordering="state")
    def state_badge(self, group: ErrorGroup) -> SafeString:
        return badge(group.get_state_display(), _STATE_TONES[State(group.state)])

    @admin.action(description="Resolve", permissions=["act"])
    def resolve(self, request: HttpRequest, groups: QuerySet[ErrorGroup]) -> HttpResponse | None:
        return self._change(request, groups, State.RESOLVED)

    @admin.action(description="Mute", permissions=["act"])
    def mute(self, request: HttpRequest, groups: QuerySet[ErrorGroup]) -> HttpResponse | None:
        return self._change(request, groups, State.MUTED)

    @admin.action(description="Reopen", permissions=["act"])
    def reopen(self, request: HttpRequest, groups: QuerySet[ErrorGroup]) -> HttpResponse | None:
        return self._change(request, groups, State.OPEN)

    def _change(
        self, request: HttpRequest, groups: QuerySet[ErrorGroup], state: ErrorGroup.State
    ) -> HttpResponse | None:
        pks = list(groups.values_list("pk", flat=True))
        actor = Actor(str(request.user.pk), request.user.get_username())
        changed = change_state(pks, state, actor)
        self.message_user(request, f"{changed} {state.label.lower()}.", messages.SUCCESS)
        if "from_page" in request.POST and len(pks) == 1:
            return HttpResponseRedirect(reverse("admin:artisan_monitoring_errorgroup_change", args=pks))
        return None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the error's page; there is nothing to submit but the actions, which go to the list."""
        group = self.get_object(request, object_id)
        if not self.has_view_permission(request, group):
            raise PermissionDenied
        if group is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            **error_page.page(group, request.GET.get("event", "")),
            "opts": self.opts,
            "title": group.type,
            "media": self.media,
            "may_act": self.has_act_permission(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/artisan_monitoring/errorgroup/error.html", context)


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
        page = reverse("admin:artisan_monitoring_errorgroup_change", args=[event.group_id])
        return HttpResponseRedirect(f"{page}?event={event.pk}")


def _ago(moment: datetime, release: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>{}',
        local.isoformat(),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        error_page.ago(moment, timezone.now()),
        format_html('<div class="am-release">{}</div>', release) if release else "",
    )
