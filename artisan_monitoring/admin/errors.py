"""The admin's error pages: the list of groups, and the page of one with what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from ..errors.finding import holding
from ..errors.reports import as_json, as_markdown
from ..errors.states import in_plain_words
from ..models.errors import ErrorGroup
from . import error_page
from .base import ReadOnlyAdmin, badge
from .error_actions import BULK, DEEDS, DeedForm, Given, actor_of, people
from .error_filters import FILTERS
from .error_list import NOT_NARROWING, ErrorChangeList, OnePassPaginator
from .error_merging import GroupingActions

State = ErrorGroup.State
STATE_TONES = {State.OPEN: "quiet", State.REGRESSED: "critical", State.RESOLVED: "good", State.MUTED: "low"}
_PAGE = "admin:artisan_monitoring_errorgroup_change"


class WhyForm(ActionForm):
    """The list's actions with a reason beside them."""

    comment = forms.CharField(required=False, label="Why", max_length=10_000)


def _bulk(name: str) -> Callable[..., HttpResponse | None]:
    description, deed, given = BULK[name]

    def act(modeladmin: ErrorGroupAdmin, request: HttpRequest, groups: QuerySet[ErrorGroup]) -> None:
        comment = request.POST.get("comment", "")[:10_000]
        modeladmin.do(request, deed, list(groups.values_list("pk", flat=True)), {**given, "comment": comment})

    act.__name__ = name
    return admin.action(description=description, permissions=["act"])(act)


@admin.register(ErrorGroup)
class ErrorGroupAdmin(GroupingActions, ReadOnlyAdmin[ErrorGroup]):
    list_display = ("error", "spark", "occurrences", "users_shown", "seen_last", "seen_first", "state_badge")
    list_display_links = None
    list_filter = FILTERS
    search_fields = ("search",)
    actions = tuple(_bulk(name) for name in BULK)
    action_form = WhyForm
    list_max_show_all = 0  # a page shows fifty: "show all" of a few hundred would draw as many sparklines
    ordering = ("-last_seen", "-pk")
    change_list_template = "admin/artisan_monitoring/errorgroup/errors.html"

    class Media:
        css = {"all": ("artisan_monitoring/errors.css",)}
        js = ("artisan_monitoring/errors.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorGroup]:
        return super().get_queryset(request).defer("users_sketch", "search")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return ErrorChangeList

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> OnePassPaginator:
        paginator = OnePassPaginator(*args, **kwargs)
        paginator.narrowed = not NOT_NARROWING.issuperset(request.GET)
        return paginator

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Show the list under a name that says what it is."""
        return super().changelist_view(request, {"title": "Errors", **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ErrorGroup], search_term: str
    ) -> tuple[QuerySet[ErrorGroup], bool]:
        return holding(queryset, search_term), False

    @admin.display(description="Error", ordering="type")
    def error(self, group: ErrorGroup) -> SafeString:
        return format_html(
            '<div class="am-error">{} <a class="am-type" href="{}">{}</a>'
            '<div class="am-message">{}</div><div class="am-culprit">{}</div></div>',
            badge(group.get_severity_display(), group.severity),
            reverse(_PAGE, args=[group.pk]),
            group.type,
            group.message,
            group.culprit,
        )

    @admin.display(description="24 hours")
    def spark(self, group: ErrorGroup) -> SafeString:
        spark: SafeString = group.spark  # type: ignore[attr-defined]  # set by ErrorChangeList
        return spark

    @admin.display(description="Count", ordering="count")
    def occurrences(self, group: ErrorGroup) -> SafeString:
        return _figure(group.count, "times")

    @admin.display(description="Users", ordering="users")
    def users_shown(self, group: ErrorGroup) -> SafeString:
        return _figure(group.users, "users")

    @admin.display(description="Last seen", ordering="last_seen")
    def seen_last(self, group: ErrorGroup) -> SafeString:
        return _ago(group.last_seen, group.last_release)

    @admin.display(description="First seen", ordering="first_seen")
    def seen_first(self, group: ErrorGroup) -> SafeString:
        return _ago(group.first_seen, group.first_release)

    @admin.display(description="State", ordering="state")
    def state_badge(self, group: ErrorGroup) -> SafeString:
        notes = [in_plain_words(group), f"for {group.assignee_label}" if group.assignee_label else ""]
        return format_html(
            "{}{}",
            badge(group.get_state_display(), STATE_TONES[State(group.state)]),
            format_html_join("", '<div class="am-release">{}</div>', ((note,) for note in notes if note)),
        )

    def do(self, request: HttpRequest, deed: str, pks: list[int], given: Given) -> None:
        """Do a deed to groups and say how many it changed."""
        changed = DEEDS[deed].do(pks, given, actor_of(request))
        noun = "error" if changed == 1 else "errors"
        level = messages.SUCCESS if changed else messages.WARNING
        self.message_user(request, f"{changed:,} {noun} {DEEDS[deed].said}.", level)

    def get_urls(self) -> list[URLPattern]:
        """Add what an error's page does and gives: a deed, Markdown, JSON."""
        own = (
            ("act/<slug:deed>/", "act", self.act),
            ("error.md", "markdown", self.markdown),
            ("error.json", "json", self.json),
        )
        name = "artisan_monitoring_errorgroup"
        added = [
            path(f"<int:pk>/{route}", self.admin_site.admin_view(view), name=f"{name}_{suffix}")
            for route, suffix, view in own
        ]
        return [*added, *super().get_urls()]

    def act(self, request: HttpRequest, pk: int, deed: str) -> HttpResponse:
        """Do to one group what its page's form asks, and come back to the page."""
        return require_POST(partial(self._act, pk=pk, deed=deed))(request)

    def _act(self, request: HttpRequest, pk: int, deed: str) -> HttpResponse:
        if not self.has_act_permission(request):
            raise PermissionDenied
        if deed not in DEEDS:
            raise Http404
        form = DeedForm(request.POST)
        if form.is_valid():
            self.do(request, deed, [self._wanted(request, pk).pk], form.cleaned_data)
        else:
            wrong = "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())
            self.message_user(request, f"Nothing was changed. {wrong}", messages.ERROR)
        return HttpResponseRedirect(reverse(_PAGE, args=[pk]))

    def markdown(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a group and one of its samples as Markdown."""
        group = self._wanted(request, pk)
        event = error_page.chosen_event(group, request.GET.get("event", ""))
        url = request.build_absolute_uri(reverse(_PAGE, args=[pk]))
        return _file(HttpResponse(as_markdown(group, event, url), "text/markdown; charset=utf-8"), f"error-{pk}.md")

    def json(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a group and one of its samples as JSON."""
        group = self._wanted(request, pk)
        event = error_page.chosen_event(group, request.GET.get("event", ""))
        return _file(JsonResponse(as_json(group, event), json_dumps_params={"indent": 1}), f"error-{pk}.json")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the error's page; there is nothing to submit but deeds, which have addresses of their own."""
        group = self._wanted(request, object_id)
        may_act = self.has_act_permission(request)
        context = {
            **self.admin_site.each_context(request),
            **error_page.page(group, request.GET.get("event", "")),
            "opts": self.opts,
            "title": group.type,
            "media": self.media,
            "may_act": may_act,
            "people": people() if may_act else [],
            "me": str(request.user.pk),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/artisan_monitoring/errorgroup/error.html", context)


def _file(response: HttpResponse, name: str) -> HttpResponse:
    """Make an answer a file to keep, which no browser takes for a page."""
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _figure(count: int, unit: str) -> SafeString:
    if not count:
        return format_html('<span class="am-none-of">{}</span>', "–")
    return format_html('{}<span class="am-unit"> {}</span>', f"{count:,}", unit)


def _ago(moment: datetime, release: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>{}',
        local.isoformat(),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        error_page.ago(moment, timezone.now()),
        format_html('<div class="am-release">in {}</div>', release) if release else "",
    )
