"""The filters of the error list: all in the address, each a menu that works without a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ..core.records import AlertSeverity
from ..errors.finding import UNDONE
from ..models.errors import ErrorGroup, ErrorRelease

State = ErrorGroup.State
RELEASES = 50
_PERIODS = {"1h": ("hour", 1), "24h": ("24 hours", 24), "7d": ("7 days", 168), "30d": ("30 days", 720)}
Groups = QuerySet[ErrorGroup]


class StateFilter(admin.SimpleListFilter):
    """What somebody should look at unless asked otherwise: the resolved and the muted are off the table."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        states = (State.REGRESSED, State.RESOLVED, State.MUTED)
        return [*((state.value, str(state.label)) for state in states), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        wanted = self.value() or State.OPEN.value
        if wanted == "all":
            return queryset
        return queryset.filter(state__in=UNDONE) if wanted == State.OPEN else queryset.filter(state=wanted)


class SeverityFilter(admin.SimpleListFilter):
    """One severity, or all from one up."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        highest = reversed(list(AlertSeverity))
        return [("HIGH+", "High and critical"), *((each.value, each.value.title()) for each in highest)]

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        wanted = self.value()
        if wanted == "HIGH+":
            return queryset.filter(severity__in=("HIGH", "CRITICAL"))
        return queryset.filter(severity=wanted) if wanted else queryset


class SeenFilter(admin.SimpleListFilter):
    """Groups seen, or first seen, not longer ago than this."""

    title = "seen"
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        seen = [(key, f"Seen in the last {name}") for key, (name, _) in _PERIODS.items()]
        return seen + [(f"new-{key}", f"New in the last {name}") for key, (name, _) in _PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        wanted = self.value() or ""
        period = _PERIODS.get(wanted.removeprefix("new-"))
        if period is None:
            return queryset
        since = timezone.now() - timedelta(hours=period[1])
        column = "first_seen__gte" if wanted.startswith("new-") else "last_seen__gte"
        return queryset.filter(**{column: since})


class AssigneeFilter(admin.SimpleListFilter):
    """Whose it is."""

    title = "assigned"
    parameter_name = "assigned"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        self._me = str(request.user.pk)
        return [("me", "Mine"), ("nobody", "Nobody's"), ("somebody", "Somebody's")]

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        match self.value():
            case "me":
                return queryset.filter(assignee_pk=self._me)
            case "nobody":
                return queryset.filter(assignee_pk="")
            case "somebody":
                return queryset.exclude(assignee_pk="")
        return queryset


class ReleaseFilter(admin.SimpleListFilter):
    """Last seen in a release: one of the latest fifty."""

    title = "release"
    parameter_name = "release"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        names = list(ErrorRelease.objects.values_list("name", flat=True)[:RELEASES])
        asked = request.GET.get(self.parameter_name, "")
        return [(name, name) for name in dict.fromkeys([*names, *([asked] if asked else [])])]

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        return queryset.filter(last_release=self.value()) if self.value() else queryset


class HandledFilter(admin.SimpleListFilter):
    """Whether the project caught it itself."""

    title = "handling"
    parameter_name = "handled"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        return [("0", "Unhandled"), ("1", "Handled")]

    def queryset(self, request: HttpRequest, queryset: Groups) -> Groups:
        return queryset.filter(handled=self.value() == "1") if self.value() else queryset


FILTERS = (StateFilter, SeverityFilter, SeenFilter, ReleaseFilter, AssigneeFilter, HandledFilter)
