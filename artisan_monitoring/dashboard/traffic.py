"""The site's requests over a window: slots, routes and sums, from whichever of cells and roll-ups is cheaper.

Slots and routes are made of summaries: from the roll-ups where slots are whole hours and those are rolled up, from the
store for the rest. Cells of single series are read for the percentiles of the routes that are shown, and no more.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError

from ..conf import get_settings, on_settings_change
from ..core.guard import report
from ..core.histogram import WideCell
from ..core.series import Series
from ..core.windows import DAY, FINE_FOR_S, HOUR, MINUTE, TEN_MINUTES, floor
from ..exceptions import StoreUnavailable
from ..metrics.queries import gauge_now
from ..stores import get_store
from ..stores.base import Store
from . import before, rollups, summing
from .pieces import joined, rolled_hours, stretches_of, whole_hours
from .rollups import ROUTE, Rolled
from .tallies import Route, Slot
from .windows import Span

REQUESTS = "http.server.request.duration"
ACTIVE = "http.server.active_requests"
ERRORS = "artisan.errors"
ROUTES = 10

STALE_S = 600.0
"""How old an answer may be that is shown, as such, while the store is away."""
KEPT_S = 4.0
"""How long an answer serves every viewer of a process: pages refresh every ten seconds."""
WAIT_S = 3.0
ANSWERS_KEPT = 16
"""Anybody may ask for any number of ranges."""
CELLS_AT_MOST = 60_000
"""About half a second of work: what a page may read of hours that nobody has rolled up."""
COLUMNS_AT_MOST = 1_200_000
"""The same of summaries, whose cost goes by slots times series: 210,000 take about 40 ms."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the page shows of requests; times are the store's. `hours_left_out` wait for their roll-up.

    `before` holds the requests of the window before, where there is anything to compare with. `routes` are those on
    which most time was spent; the others in `every_route` have no cells until `complete` reads them, from the hours in
    `rolled` and from `stretches`. `away` is a sentence about what this is, while the store is not there to ask.
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
    away: str = ""
    every_route: Collection[Route] = ()
    rolled: Rolled = Rolled(frozenset())
    stretches: Sequence[tuple[int, int]] = ()

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
_answers: dict[Span, tuple[float, Traffic]] = {}


@on_settings_change
def forget() -> None:
    """Forget what was remembered."""
    _answers.clear()
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
        kept = _answers.get(span)
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        try:
            answer = _read(span)
        except StoreUnavailable as exc:
            what_there_is = _kept_or_rolled_up(span, kept)
            if what_there_is is None:
                raise
            report("dashboard.traffic", exc)  # what is raised is reported by whoever catches it
            return what_there_is
        _answers.pop(span, None)
        _answers[span] = time.monotonic(), answer
        for oldest in list(_answers)[:-ANSWERS_KEPT]:
            del _answers[oldest]
        return answer
    finally:
        _lock.release()


def _read(span: Span) -> Traffic:
    store = get_store()
    now = store.now()
    slots, dirty = span.slots(now), store.dirty_hours()
    rolled = rolled_hours(span, now, dirty)
    series = store.series(REQUESTS)
    all_stretches = stretches_of(slots, rolled, now)
    stretches = affordable(all_stretches, len(series), now, COLUMNS_AT_MOST)
    summaries = rollups.summaries(REQUESTS, rolled, by_day=span.step_s % DAY == 0)
    for start, end in joined(stretches):
        summaries += store.summaries(REQUESTS, start, end)
    answers = summing.Answers(REQUESTS, series)
    tally = summing.tally_slots(summaries, span.step_s, answers)
    # The table takes an hour that is rolled up as one, also where the chart has narrower slots.
    whole = whole_hours(stretches, rolled, now, dirty)
    inner = Rolled(whole.hours - rolled.hours)
    summing.add_routes(tally, [each for each in summaries if floor(each[0], HOUR) not in inner.hours], answers)
    summing.add_routes(tally, rollups.summaries(REQUESTS, inner, by_day=False), answers)
    shown = tally.longest(ROUTES)
    _read_route_cells(store, now, shown, series, whole, stretches)
    return Traffic(
        every_route=tally.routes.values(),
        rolled=whole,
        stretches=stretches,
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
        before=before.slot_before(store, span, now, REQUESTS, series),
    )


def _kept_or_rolled_up(span: Span, kept: tuple[float, Traffic] | None) -> Traffic | None:
    """Return what there is of a window while the store is away: an answer of before, or the hours in the database."""
    if kept is not None and time.monotonic() - kept[0] < STALE_S:
        return replace(kept[1], away="The store cannot be read now: these are the requests as they were last seen.")
    try:
        return _rolled_up(span, time.time())
    except DatabaseError:
        return None  # it is the store that is away, and what is said is that


def _rolled_up(span: Span, now: float) -> Traffic | None:
    rolled = rolled_hours(span, now, {})
    summaries = rollups.summaries(REQUESTS, rolled, by_day=span.step_s % DAY == 0)
    if not summaries:
        return None
    answers = summing.Answers(REQUESTS, ())
    tally = summing.tally_slots(summaries, span.step_s, answers)
    summing.add_routes(tally, summaries, answers)
    shown = tally.longest(ROUTES)
    rollups.read_route_cells({route.route: route for route in shown}, REQUESTS, rolled)
    return Traffic(
        span=span, as_of=now, times=list(span.slots(now)), slots=tally.slots, routes=shown, total=tally.total(),
        errors=rollups.total(ERRORS, rolled), active=None, settle_s=0.0,
        away="The store cannot be read now: shown are the hours that were rolled up into the database.",
    )  # fmt: skip


def settle_s(store: Store) -> float:
    """Return how long after its end a slot's last batches may still arrive."""
    return (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s) + 15


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


def complete(seen: Traffic, routes: Sequence[Route]) -> None:
    """Read the cells of routes that have none yet; raise `StoreUnavailable` or a database error."""
    if not _lock.acquire(timeout=WAIT_S):
        raise StoreUnavailable("another page waits for the store")
    try:
        wanting = [route for route in routes if route.count and not route.cell.count]
        if wanting:
            store, fresh = get_store(), [Route(route.route) for route in wanting]
            _read_route_cells(store, seen.as_of, fresh, store.series(REQUESTS), seen.rolled, seen.stretches)
            for route, filled in zip(wanting, fresh, strict=True):
                route.cell = filled.cell
    finally:
        _lock.release()


def _read_route_cells(
    store: Store,
    now: float,
    shown: Sequence[Route],
    series: Sequence[Series],
    rolled: Rolled,
    stretches: Sequence[tuple[int, int]],
) -> None:
    """Merge what some routes' series hold into their cells, for the percentiles of the rows that are shown."""
    routes = {route.route: route for route in shown}
    rollups.read_route_cells(routes, REQUESTS, rolled)
    owners = {each.id: route for each in series if (route := dict(each.tags).get(ROUTE, "")) in routes}
    left = [each for each in stretches if each[0] not in rolled.hours]
    # Merged among themselves first: they are finer than roll-ups, and each would be coarsened alone.
    fine = {route: WideCell() for route in routes}
    for start, end in affordable(left, len(owners), now) if owners else ():
        for bucket in store.buckets(list(owners), start, end):
            bucket.cell.classic = bucket.cell.exemplars = None
            fine[owners[bucket.series_id]].merge(bucket.cell)
    for route, cell in fine.items():
        routes[route].cell.merge(cell)


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
