"""Whether an error that people have put away comes back when it happens again: pure decisions, time as an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

OPEN, RESOLVED, MUTED, REGRESSED = "open", "resolved", "muted", "regressed"
NOW, RELEASE, NEXT = "now", "release", "next"
UNMUTED = "unmuted"

SLOTS = 60
"""How many steps a period is counted in: an hour by the minute, a day by 24 minutes."""

Newer = Callable[[str, str], bool]
Slots = tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a group stands. Times are epoch seconds.

    `resolution` is `now`, `release` (fixed in `release`, which may not be everywhere yet) or `next` (in the one after
    it). A mute ends at `muted_until`, or when it happens `limit` times within `period_s`; with neither it never does.
    `counted` holds what has happened since, in slots of (time, count).
    """

    state: str = OPEN
    since: float = 0.0
    resolution: str = NOW
    release: str = ""
    muted_until: float | None = None
    limit: int = 0
    period_s: int = 0
    counted: Slots = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """New occurrences: how many at which times, and (time, release) of what is known of their releases."""

    counts: Sequence[tuple[float, int]]
    releases: Sequence[tuple[float, str]]

    @property
    def last(self) -> float:
        """The time of the latest."""
        return max(at for at, _ in (*self.counts, *self.releases))


@dataclass(frozen=True, slots=True)
class Change:
    """What the machine did: the new state, and why in words."""

    kind: str
    reason: str


def after(standing: Standing, happened: Happened, newer: Newer) -> tuple[Standing, Change | None]:
    """Return where a group stands after it happened again, with the change if that is another state.

    `newer(one, other)` orders releases. What happened before somebody decided changes nothing: it was under way.
    """
    if happened.last <= standing.since:
        return standing, None
    if standing.state == RESOLVED:
        return _after_resolved(standing, happened, newer)
    if standing.state == MUTED:
        return _after_muted(standing, happened)
    return standing, None


def _after_resolved(standing: Standing, happened: Happened, newer: Newer) -> tuple[Standing, Change | None]:
    for at, release in happened.releases:
        if at > standing.since and (reason := _regression(standing, release, newer)):
            return Standing(REGRESSED, since=at, release=standing.release), Change(REGRESSED, reason)
    return standing, None


def _regression(standing: Standing, release: str, newer: Newer) -> str:
    """Return why an occurrence in `release` contradicts the resolution, or nothing.

    One without a release cannot be told apart: it is shown rather than missed.
    """
    if standing.resolution not in (RELEASE, NEXT) or not standing.release:
        return "It happened again."
    if not release:
        return "It happened again, in a process that does not say its release."
    if standing.resolution == NEXT:
        return f"It happened in {release}, after {standing.release}." if newer(release, standing.release) else ""
    if newer(standing.release, release):
        return ""
    if release == standing.release:
        return f"It happened in {release}, in which it was said to be fixed."
    return f"It happened in {release}; it was said to be fixed in {standing.release}."


def _after_muted(standing: Standing, happened: Happened) -> tuple[Standing, Change | None]:
    if standing.muted_until is not None and happened.last >= standing.muted_until:
        return _unmuted(happened, "The time is over, and it happened again.")
    if not standing.limit:
        return standing, None
    new = [(at, count) for at, count in happened.counts if at > standing.since]
    counted = in_slots(standing.counted, new, standing.period_s)
    total = sum(count for _, count in counted)
    if total >= standing.limit:
        return _unmuted(happened, f"It happened {total:,} times within {in_words(standing.period_s)}.")
    return replace(standing, counted=counted), None


def _unmuted(happened: Happened, reason: str) -> tuple[Standing, Change]:
    return Standing(OPEN, since=happened.last), Change(UNMUTED, reason)


def in_slots(counted: Slots, new: Sequence[tuple[float, int]], period_s: int) -> Slots:
    """Add counts to slots of a sixtieth of the period, and leave out those that the latest is a period away from."""
    step = max(1.0, period_s / SLOTS)
    slots: dict[float, int] = {}
    for at, count in (*counted, *new):
        slot = at // step * step
        slots[slot] = slots.get(slot, 0) + count
    latest = max(slots, default=0.0)
    return tuple(sorted((slot, count) for slot, count in slots.items() if slot > latest - period_s))


def in_words(period_s: int) -> str:
    """Return a period as a person says it.

    >>> in_words(3600), in_words(7200), in_words(86400)
    ('an hour', '2 hours', 'a day')
    """
    for size, one, name in ((604_800, "a week", "weeks"), (86_400, "a day", "days"), (3_600, "an hour", "hours")):
        if period_s >= size and period_s % size == 0:
            return one if period_s == size else f"{period_s // size} {name}"
    return f"{period_s} seconds"
