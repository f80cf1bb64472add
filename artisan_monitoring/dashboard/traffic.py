"""The site's requests over a window: slots, routes and sums, from whichever of cells and roll-ups is cheaper.

Windows with slots of an hour or more take the hours that are closed and rolled up from the roll-ups. Short ones read
cells; of the six-hour one the closed hours are remembered by this process, since they hardly ever change.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..conf import get_settings, on_settings_change
from ..core.windows import FINE_FOR_S, HOUR, MINUTE, TEN_MINUTES, floor
from ..exceptions import StoreUnavailable
from ..metrics.queries import gauge_now
from ..stores import get_store
from ..stores.base import Store
from . import before, rollups
from .rollups import ROUTE, STATUS, Rolled
from .tallies import Route, Slot, Tally, failed
from .windows import Span

REQUESTS = "http.server.request.duration"
ACTIVE = "http.server.active_requests"
ERRORS = "artisan.errors"
ROUTES = 10

KEPT_S = 4.0
"""How long an answer serves every viewer of a process: pages refresh every ten seconds."""
WAIT_S = 3.0
HOUR_KEPT_S = 600.0
"""A closed hour that a late batch changed is read anew at once while it is dirty, and after this in any case."""
HOURS_KEPT = 8
ROUTES_KEPT = 300
"""An hour with more routes is read each time: a route's histogram is about 3 KB, eight hours of these 7 MB."""
CELLS_AT_MOST = 60_000
"""About half a second of work: what a long window may read of hours that nobody has rolled up."""
HOURS_KEPT_FROM_S = 6 * MINUTE
"""Slots as wide as this: of the one-hour window no whole hour is ever over."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the page shows of requests; times are the store's. `hours_left_out` wait for their roll-up.

    `before` holds the requests of the window before, where there is anything to compare with. `routes` are those on
    which most time was spent; of the others, in `every_route`, the cells lack the hours in `rolled`.
    """

    span: Span
    as_of: float
    times: Sequence[int]
    slots: dict[int, Slot]
    routes: list[Route]
    total: Slot
    errors: float
    active: float | None
    settle_s: float
    hours_left_out: int = 0
    before: Slot | None = None
    every_route: Collection[Route] = ()
    rolled: Rolled = Rolled(frozenset())

    @property
    def empty(self) -> bool:
        """Whether there was no request in the window."""
        return not self.total.cell.count

    def rate(self, start: int) -> float | None:
        """Return a slot's requests per second; nothing while it is too young for its figure to mean anything."""
        slot = self.slots.get(start)
        end = start + self.span.step_s
        if slot is None:
            return None
        if end + self.settle_s <= self.as_of:
            return slot.cell.count / self.span.step_s
        so_far = min(self.as_of, end) - start
        # The last batches are on their way for half a minute: a tenth of ten minutes, but half of a minute.
        return slot.cell.count / so_far if so_far >= 10 * MINUTE else None


_lock = threading.Lock()
_answers: dict[str, tuple[float, Traffic]] = {}
_hours: dict[int, tuple[tuple[str, int, int], float, Tally]] = {}


@on_settings_change
def forget() -> None:
    """Forget what was remembered."""
    _answers.clear()
    _hours.clear()
    before.forget()


def _after_fork() -> None:
    # Another thread of the parent may have held it.
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def traffic(span: Span) -> Traffic:
    """Return the requests of a window. Raise `StoreUnavailable` or a database error where they cannot be read."""
    if not _lock.acquire(timeout=WAIT_S):
        # A store that hangs must not collect the host's threads here, one a viewer.
        raise StoreUnavailable("another page waits for the store")
    try:
        kept = _answers.get(span.key)
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        answer = _read(span)
        _answers[span.key] = time.monotonic(), answer
        return answer
    finally:
        _lock.release()


def _read(span: Span) -> Traffic:
    store = get_store()
    now = store.now()
    slots = span.slots(now)
    dirty = store.dirty_hours()
    rolled = rolled_hours(span, now, dirty)
    tally = rollups.tally(REQUESTS, rolled, span.step_s)
    cells = _Cells(store, now, span, dirty)
    all_stretches = stretches_of(slots, rolled, now)
    stretches = affordable(all_stretches, cells.series, now) if span.hourly else all_stretches
    for start, end in stretches:
        tally.merge(cells.tally(start, end))
    shown = tally.longest(ROUTES)
    rollups.read_route_cells(tally, REQUESTS, rolled, [route.route for route in shown])
    return Traffic(
        span=span,
        as_of=now,
        times=list(slots),
        slots=tally.slots,
        routes=shown,
        total=tally.total(),
        errors=rollups.total(ERRORS, rolled) + _counted(store, ERRORS, stretches),
        active=gauge_now(ACTIVE),
        settle_s=settle_s(store),
        hours_left_out=len(all_stretches) - len(stretches),
        before=before.slot_before(store, span, now, REQUESTS),
        every_route=tally.routes.values(),
        rolled=rolled,
    )


def settle_s(store: Store) -> float:
    """Return how long after its end a slot's last batches may still arrive."""
    return (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s) + 15


def rolled_hours(span: Span, now: float, dirty: Mapping[int, int]) -> Rolled:
    """Return the hours to be read from roll-ups: closed, and not written to since they were rolled up."""
    if not span.hourly:
        return Rolled(frozenset())
    return Rolled(frozenset(hour for hour in span.hours(now) if hour + HOUR <= now and hour not in dirty))


def stretches_of(slots: range, rolled: Rolled, now: float) -> list[tuple[int, int]]:
    """Return the rest of the window, hour by hour: a piece's cells are few enough to be read at once."""
    hours = range(floor(slots.start, HOUR), floor(now, HOUR) + HOUR, HOUR)
    return [(max(hour, slots.start), min(hour + HOUR, slots.stop)) for hour in hours if hour not in rolled.hours]


def affordable(
    stretches: Sequence[tuple[int, int]], series: int, now: float, at_most: int | None = None
) -> list[tuple[int, int]]:
    """Return the newest stretches that hold `at_most` cells (else `CELLS_AT_MOST`) if every series was busy, or one.

    Where no job has run for days every hour waits for its roll-up, and reading them all would take the site's time.
    """
    chosen: list[tuple[int, int]] = []
    cells = 0
    for start, end in reversed(stretches):
        width = MINUTE if start > now - FINE_FOR_S else TEN_MINUTES
        cells += series * (end - start) // width
        if chosen and cells > (at_most or CELLS_AT_MOST):
            break
        chosen.append((start, end))
    return chosen[::-1]


class _Cells:
    """Tallies stretches of one window from the store's cells."""

    def __init__(self, store: Store, now: float, span: Span, dirty: Mapping[int, int]) -> None:
        self._store, self._now, self._step_s, self._dirty = store, now, span.step_s, dirty
        tags = {each.id: dict(each.tags) for each in store.series(REQUESTS)}
        self._facts = {key: (each.get(ROUTE, ""), failed(each.get(STATUS, ""))) for key, each in tags.items()}
        # A store that was wiped begins its commits anew: the epoch tells its hours from those before.
        self._epochs = "" if span.step_s < HOURS_KEPT_FROM_S else self._read_epochs()

    @property
    def series(self) -> int:
        """How many series there are to read."""
        return len(self._facts)

    def tally(self, start: int, end: int) -> Tally:
        """Tally one hour or a part of it; a whole one that is over may be remembered from an earlier look."""
        if not self._epochs or end - start < HOUR or end > self._now:
            return self._read(start, end)
        token = self._epochs, self._step_s, self._dirty.get(start, 0)
        known = _hours.get(start)
        if known is not None and known[0] == token and time.monotonic() - known[1] < HOUR_KEPT_S:
            return known[2]
        made = self._read(start, end)
        if len(made.routes) <= ROUTES_KEPT:
            _hours[start] = token, time.monotonic(), made
        for hour in sorted(_hours)[:-HOURS_KEPT]:
            del _hours[hour]
        return made

    def _read(self, start: int, end: int) -> Tally:
        made = Tally()
        for bucket in self._store.buckets(list(self._facts), start, end) if self._facts else ():
            route, bad = self._facts[bucket.series_id]
            made.add(floor(bucket.start, self._step_s), route, bad, bucket.cell)
        return made

    def _read_epochs(self) -> str:
        return " ".join(self._store.cursor(shard).epoch for shard in self._store.reading_shards())


def _counted(store: Store, name: str, stretches: Sequence[tuple[int, int]]) -> float:
    """Return a counter's sum over the hours that are read from cells."""
    ids = [each.id for each in store.series(name)]
    if not ids or not stretches:
        return 0.0
    start, end = stretches[0][0], stretches[-1][1]
    wanted = {floor(first, HOUR) for first, _ in stretches}
    return sum(
        (bucket.cell.sum for bucket in store.buckets(ids, start, end) if floor(bucket.start, HOUR) in wanted), 0.0
    )
