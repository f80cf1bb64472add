"""What people decide about groups: resolve, mute, reopen, assign, rate, comment; who did it and why is written down.

What the machine decides when an error happens again is in `core.standing`, applied by the sink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, router, transaction
from django.db.models import F
from django.utils import timezone

from ..conf import get_settings
from ..core.records import AlertSeverity
from ..core.standing import in_words
from ..models.errors import ErrorActivity, ErrorGroup, ErrorRelease
from ..stores.database.sql import slices

State = ErrorGroup.State
Resolution = ErrorGroup.Resolution
Kind = ErrorActivity.Kind

_KINDS = {
    State.RESOLVED: Kind.RESOLVED, State.MUTED: Kind.MUTED, State.OPEN: Kind.REOPENED, State.REGRESSED: Kind.REGRESSED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: no relation to the user's row, which may go."""

    pk: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a group is resolved or muted; see `core.standing.Standing`."""

    resolution: str = ""
    release: str = ""
    until: datetime | None = None
    limit: int = 0
    period_s: int = 0


def change_state(
    group_ids: Iterable[int],
    state: ErrorGroup.State,
    actor: Actor,
    *,
    terms: Terms | None = None,
    comment: str = "",
    now: datetime | None = None,
) -> int:
    """Put groups into a state on some terms, each change with an activity; return how many were not so before.

    Resolved `release` or `next` without a release named speaks of the one that runs, else of the group's latest; where
    neither is known it is resolved now.
    """
    at, asked = now or timezone.now(), terms or Terms()
    alias = router.db_for_write(ErrorGroup)
    noted: set[str] = set()

    def change(group: ErrorGroup) -> str | None:
        wanted = _columns(group, state, asked)
        if group.state == state and all(getattr(group, name) == value for name, value in wanted.items()):
            return None
        for name, value in {**wanted, "state": state.value, "state_changed_at": at, "mute_counted": []}.items():
            setattr(group, name, value)
        release = group.resolved_release
        if release and release not in noted:
            noted.add(release)
            ErrorRelease.objects.using(alias).get_or_create(name=release, defaults={"first_seen": at})
        return in_plain_words(group)

    return _change(group_ids, _KINDS[state], actor, change, comment=comment, at=at)


def _columns(group: ErrorGroup, state: ErrorGroup.State, terms: Terms) -> dict[str, Any]:
    """Return the columns that go with a state: those of other states are emptied."""
    empty: dict[str, Any] = {
        "resolution": "", "resolved_release": "", "muted_until": None, "mute_limit": 0, "mute_period_s": 0,
    }  # fmt: skip
    if state == State.MUTED:
        return {**empty, "muted_until": terms.until, "mute_limit": terms.limit, "mute_period_s": terms.period_s}
    if state != State.RESOLVED:
        return empty
    release = terms.release or get_settings().RELEASE[:100] or group.last_release
    if terms.resolution in (Resolution.RELEASE, Resolution.NEXT) and release:
        return {**empty, "resolution": terms.resolution, "resolved_release": release[:100]}
    return {**empty, "resolution": Resolution.NOW.value}


def in_plain_words(group: ErrorGroup) -> str:
    """Return on what terms a group is where it is, or nothing where that says it all."""
    if group.state == State.RESOLVED:
        words = {Resolution.RELEASE: "in {}", Resolution.NEXT: "in the release after {}"}
        return words.get(Resolution(group.resolution or "now"), "").format(group.resolved_release)
    if group.state != State.MUTED:
        return ""
    said = []
    if group.muted_until is not None:
        said.append(f"until it happens after {timezone.localtime(group.muted_until):%Y-%m-%d %H:%M}")
    if group.mute_limit:
        said.append(f"until it happens {group.mute_limit:,} times within {in_words(group.mute_period_s)}")
    return " or ".join(said) or "for ever"


def assign(group_ids: Iterable[int], to: Actor, actor: Actor, *, comment: str = "") -> int:
    """Give groups to somebody, or with an empty `to` to nobody; return how many were somebody else's."""

    def change(group: ErrorGroup) -> str | None:
        if group.assignee_pk == to.pk[:64]:
            return None
        group.assignee_pk, group.assignee_label = to.pk[:64], to.label[:150]
        return f"to {to.label[:150]}" if to.pk else "to nobody"

    return _change(group_ids, Kind.ASSIGNED, actor, change, comment=comment)


def rate(group_ids: Iterable[int], severity: AlertSeverity | None, actor: Actor, *, comment: str = "") -> int:
    """Fix the severity of groups, which no rule then changes; None leaves it to the rules again. Return how many."""

    def change(group: ErrorGroup) -> str | None:
        if severity is None:
            return None if not group.severity_fixed else _rated(group, group.severity, fixed=False)
        return None if group.severity_fixed and group.severity == severity else _rated(group, severity, fixed=True)

    return _change(group_ids, Kind.SEVERITY, actor, change, comment=comment)


def _rated(group: ErrorGroup, severity: str, *, fixed: bool) -> str:
    before, group.severity, group.severity_fixed = group.severity, str(severity), fixed
    return f"from {before} to {group.severity}" if fixed else "back to the rules"


def comment_on(group_ids: Iterable[int], text: str, actor: Actor) -> int:
    """Add a comment to groups; return how many. An empty one is none."""
    return _change(group_ids, Kind.COMMENTED, actor, lambda group: "", comment=text) if text.strip() else 0


def _change(
    group_ids: Iterable[int],
    kind: ErrorActivity.Kind,
    actor: Actor,
    change: Callable[[ErrorGroup], str | None],
    *,
    comment: str = "",
    at: datetime | None = None,
) -> int:
    """Apply `change`, which returns the reason or None for no change, to locked groups; write what changed.

    500 groups a transaction: a person may mean 100,000, and the drain must not wait for them all.
    """
    return sum(_change_some(pks, kind, actor, change, comment, at) for pks in slices(sorted(set(group_ids))))


def _change_some(
    pks: Sequence[int],
    kind: ErrorActivity.Kind,
    actor: Actor,
    change: Callable[[ErrorGroup], str | None],
    comment: str,
    at: datetime | None,
) -> int:
    activities: list[ErrorActivity] = []
    with locked(pks) as (alias, groups):
        for group in groups:
            reason = change(group)
            if reason is None:
                continue
            group.save(using=alias, update_fields=CHANGEABLE)
            activities.append(
                ErrorActivity(
                    group=group, kind=kind, at=at or timezone.now(), by_pk=actor.pk[:64], by_label=actor.label[:150],
                    reason=reason[:300], comment=comment.strip(),
                )
            )  # fmt: skip
        ErrorActivity.objects.using(alias).bulk_create(activities)
    return len(activities)


CHANGEABLE = (
    "state", "state_changed_at", "resolution", "resolved_release", "muted_until", "mute_limit", "mute_period_s",
    "mute_counted", "assignee_pk", "assignee_label", "severity", "severity_fixed",
)  # fmt: skip
"""What people and the machine decide about a group; the counts are the sink's."""


@contextmanager
def locked(group_ids: Iterable[int]) -> Iterator[tuple[str, list[ErrorGroup]]]:
    """Hold a transaction in which nobody else changes these groups: the sink waits, or is waited for.

    The rows are locked in the order of their keys, like the sink's. SQLite has one lock for all: a first statement
    that writes takes it, where one that reads would fail if another process wrote before the second.
    """
    alias = router.db_for_write(ErrorGroup)
    with transaction.atomic(using=alias):
        rows = ErrorGroup.objects.using(alias).filter(pk__in=list(group_ids)).order_by("pk")
        if connections[alias].features.has_select_for_update:
            rows = rows.select_for_update()
        else:
            rows.order_by().update(state=F("state"))
        yield alias, list(rows)
