"""Finding groups: by words in what they are made of, by state, severity and time; and those alike to one."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from ..models.errors import ErrorGroup

State = ErrorGroup.State
UNDONE = (State.OPEN, State.REGRESSED)
"""The states of what somebody should look at."""
WORDS = 10
SIMILAR = 5


def holding(groups: QuerySet[ErrorGroup], words: str) -> QuerySet[ErrorGroup]:
    """Keep the groups that hold every word (case aside) in type, culprit, message, a file, or a tag as `name=value`."""
    for word in words.lower().split()[:WORDS]:
        groups = groups.filter(search__contains=word)
    return groups


def find(
    *,
    states: tuple[str, ...] = UNDONE,
    severities: tuple[str, ...] = (),
    since: datetime | None = None,
    words: str = "",
) -> QuerySet[ErrorGroup]:
    """Return the groups in one of these states and severities (none named: any), seen since and holding words."""
    groups = ErrorGroup.objects.order_by("-last_seen", "-pk").defer("users_sketch", "search")
    if states:
        groups = groups.filter(state__in=states)
    if severities:
        groups = groups.filter(severity__in=severities)
    if since is not None:
        groups = groups.filter(last_seen__gte=since)
    return holding(groups, words)


def similar(group: ErrorGroup) -> list[ErrorGroup]:
    """Return other groups from the same place and of the same type, most alike first, then latest.

    Two queries, each answered from the end of an index: a type may have 100,000 groups.
    """
    others = ErrorGroup.objects.exclude(pk=group.pk).order_by("-last_seen").defer("users_sketch", "search")
    found = {each.pk: each for each in others.filter(type=group.type)[:SIMILAR]}
    if group.culprit:
        found.update((each.pk, each) for each in others.filter(culprit=group.culprit)[:SIMILAR])
    alike = sorted(found.values(), key=lambda each: (_likeness(each, group), each.last_seen), reverse=True)
    return alike[:SIMILAR]


def _likeness(one: ErrorGroup, other: ErrorGroup) -> int:
    return 2 * (one.culprit == other.culprit) + (one.type == other.type)
