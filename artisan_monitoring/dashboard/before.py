"""The window before the one that is shown: what its requests came to, for comparison, and how satisfied they were."""

from __future__ import annotations

from math import ceil, ldexp, log2

from ..core.histogram import ZERO_BELOW, Cell
from ..core.windows import HOUR, floor
from ..stores.base import Store
from . import figures, rollups
from .rollups import STATUS, Rolled
from .tallies import Slot, Tally, failed
from .windows import Span

LEAST = 20
"""Requests from which on a percentile is worth a comparison."""
CELLS_AT_MOST = 60_000
FIVE_MINUTES = 300
"""Fine enough to see whether an hour began in its first quarter."""

_known: dict[str, tuple[int, Slot | None]] = {}


def forget() -> None:
    """Forget what was remembered."""
    _known.clear()


def slot_before(store: Store, span: Span, now: float, name: str) -> Slot | None:
    """Return the requests of the window before; nothing where there were few, or none in its first quarter.

    It moves by a slot at a time, so it is read once for each and remembered by the process.
    """
    end = span.slots(now).start
    known = _known.get(span.key)
    if known is None or known[0] != end:
        known = _known[span.key] = end, _read(store, end - span.length_s, end, name)
    return known[1]


def _read(store: Store, start: int, end: int, name: str) -> Slot | None:
    """Read whole hours from roll-ups, and the edges and what is not rolled up from cells."""
    dirty = store.dirty_hours()
    whole = {hour for hour in range(floor(start, HOUR), end, HOUR) if hour >= start and hour + HOUR <= end}
    rolled = Rolled(frozenset(whole - dirty.keys()))
    tally = rollups.slots(name, rolled, HOUR)
    bad = {each.id: failed(dict(each.tags).get(STATUS, "")) for each in store.series(name)}
    pieces = [
        (max(hour, start), min(hour + HOUR, end))
        for hour in range(floor(start, HOUR), end, HOUR)
        if hour not in rolled.hours
    ]
    if sum(last - first for first, last in pieces) // 60 * len(bad) > CELLS_AT_MOST:
        return None
    for first, last in pieces if bad else ():
        _add_cells(store, tally, bad, first, last)
    total = tally.total()
    began = min((at for at, slot in tally.slots.items() if slot.cell.count), default=end)
    return total if total.cell.count >= LEAST and began <= start + (end - start) // 4 else None


def _add_cells(store: Store, tally: Tally, bad: dict[str, bool], start: int, end: int) -> None:
    for bucket in store.buckets(list(bad), start, end):
        bucket.cell.classic = bucket.cell.exemplars = None
        slot = tally.slot(floor(bucket.start, FIVE_MINUTES))
        slot.cell.merge(bucket.cell)
        slot.failed += bucket.cell.count if bad[bucket.series_id] else 0


def change(now: float | None, before: float | None) -> str:
    """Return by how much a number has changed: +38 %, −4 %, ×12; nothing where there is none to compare with."""
    if now is None or not before:
        return ""
    if now / before >= 10:
        return f"×{figures.number(now / before)}"
    percent = round(100 * (now / before - 1))
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{abs(percent)} %"


def apdex(cell: Cell, target_s: float) -> float | None:
    """Return the Apdex score of durations: (satisfied + tolerating / 2) / all, with target T and 4 T.

    Application Performance Index, technical specification 1.1. By durations alone: a fast error counts as satisfied,
    the error rate beside it tells. The bin that holds a limit counts below it, so a limit is exact to 2.2 %.
    """
    if not cell.count:
        return None
    satisfied, tolerated = _upto(cell, target_s), _upto(cell, 4 * target_s)
    return (satisfied + (tolerated - satisfied) / 2) / cell.count


def _upto(cell: Cell, limit: float) -> int:
    if limit < ZERO_BELOW:
        return cell.zero
    last = ceil(ldexp(log2(limit), cell.schema))
    return cell.zero + sum(count for index, count in (cell.bins or {}).items() if index <= last)
