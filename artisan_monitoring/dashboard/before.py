"""The window before the one that is shown: what its requests came to, for comparison, and how satisfied they were."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, ldexp, log2

from ..core.histogram import ZERO_BELOW, Cell
from ..core.series import Series
from ..core.windows import DAY, HOUR, MINUTE, floor
from ..stores.base import Store
from . import figures, rollups, summing
from .rollups import Rolled
from .tallies import Slot
from .windows import Span

LEAST = 20
"""Requests from which on a percentile is worth a comparison."""
KEPT = 16
COLUMNS_AT_MOST = 1_200_000
"""Of summaries that are not rolled up: slots times series, see `traffic`."""
DAYS_FROM_S = 7 * DAY
"""A window is read by the day if its first quarter is wider than one."""

_known: dict[str, tuple[int, Slot | None]] = {}


def forget() -> None:
    """Forget what was remembered."""
    _known.clear()


def slot_before(store: Store, span: Span, now: float, name: str, series: Sequence[Series]) -> Slot | None:
    """Return the requests of the window before; nothing where there were few, or none in its first quarter.

    It moves by a slot at a time, so it is read once for each and remembered by the process.
    """
    end = span.slots(now).start
    known = _known.get(span.key)
    if known is None or known[0] != end:
        _known.pop(span.key, None)
        known = _known[span.key] = end, _read(store, end - span.length_s, end, name, series)
        for oldest in list(_known)[:-KEPT]:
            del _known[oldest]
    return known[1]


def _read(store: Store, start: int, end: int, name: str, series: Sequence[Series]) -> Slot | None:
    """Read whole hours from roll-ups, and the edges and what is not rolled up from the store."""
    dirty = store.dirty_hours()
    hours = range(floor(start, HOUR), end, HOUR)
    rolled = Rolled(frozenset(hour for hour in hours if start <= hour and hour + HOUR <= end and hour not in dirty))
    pieces = [(max(hour, start), min(hour + HOUR, end)) for hour in hours if hour not in rolled.hours]
    if sum(last - first for first, last in pieces) // MINUTE * len(series) > COLUMNS_AT_MOST:
        return None
    summaries = rollups.summaries(name, rolled, by_day=end - start >= DAYS_FROM_S)
    for first, last in pieces:
        summaries += store.summaries(name, first, last)
    began = min((at for at, _, summary in summaries if summary.cell.count), default=end)
    total = summing.tally_slots(summaries, end, summing.Answers(name, series)).total()
    return total if total.cell.count >= LEAST and began <= start + (end - start) // 4 else None


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
