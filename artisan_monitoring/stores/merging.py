"""What every store does with a commit before it writes: keep the series within the limit, merge into what is stored."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite

from ..conf import get_settings
from ..core.histogram import Cell, Exemplar
from ..core.packing import Delta, NotABatch, pack_cell, unpack_cell
from ..core.series import OVERFLOW, Series
from ..core.windows import HOUR, floor
from ..exceptions import StoreRefused
from .base import Commit, merge_deltas

STORE_SERIES = "store_series"
UNREADABLE_CELL = "unreadable_cell"
UNSTORABLE = "unstorable"

MOST = 2**53
"""Of one loss at once: beyond it Lua's numbers are not exact, and nobody has counted that far."""

Gauge = tuple[Series, str, float, float]


@contextmanager
def refusing() -> Iterator[None]:
    """Refuse a value that cannot be packed or bound: a count beyond 64 bits, text that is not Unicode."""
    try:
        yield
    except (ValueError, TypeError, OverflowError, RecursionError, struct.error) as exc:
        raise StoreRefused(f"a value that cannot be stored: {exc}") from exc


def storable(text: str) -> str:
    """Return text that every store can hold: no lone surrogates, no NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def series_of(commit: Commit) -> dict[str, Series]:
    """Return every series that a commit writes to, by id."""
    found = {delta.series.id: delta.series for delta in commit.deltas}
    for gauge in commit.gauges:
        found.setdefault(gauge[0].id, gauge[0])
    return found


def keep_within_limit(
    commit: Commit, known: Collection[str], count_known: Callable[[], int], shards: int, losses: dict[str, int]
) -> tuple[list[Delta], list[Gauge]]:
    """Return the commit's deltas and gauges, with new series beyond the limit sent to their metric's overflow series.

    `known` are the ids that are registered already, `count_known()` says how many there are in the shard; it is asked
    only when a series is new. The observations that lost their tags are added to `losses`.
    """
    new = {key: series for key, series in series_of(commit).items() if key not in known and series.tags != OVERFLOW}
    room = max(0, get_settings().LIMITS.STORE_SERIES // shards - count_known()) if new else 0
    if len(new) <= room:
        return commit.deltas, commit.gauges
    targets = {key: new[key].overflow() for key in sorted(new)[room:]}
    lost = sum(delta.cell.count for delta in commit.deltas if delta.series.id in targets)
    count_loss(losses, STORE_SERIES, lost)
    deltas = (delta._replace(series=targets.get(delta.series.id, delta.series)) for delta in commit.deltas)
    gauges = [(targets.get(series.id, series), *rest) for series, *rest in commit.gauges]
    return merge_deltas(deltas), newest_gauges(gauges)  # type: ignore[arg-type]  # the starred rest keeps its types


def newest_gauges(gauges: Iterable[Gauge]) -> list[Gauge]:
    """Return one value for each series and process, the newest, in a fixed order; without those that are no numbers."""
    newest: dict[tuple[str, str], Gauge] = {}
    for gauge in gauges:
        if not (isfinite(gauge[2]) and isfinite(gauge[3])):
            continue
        key = (gauge[0].id, gauge[1])
        if key not in newest or gauge[3] >= newest[key][3]:
            newest[key] = gauge
    return [newest[key] for key in sorted(newest)]


def stored_cell(packed: bytes, losses: dict[str, int]) -> Cell:
    """Return a stored cell; one that cannot be read starts anew, which is counted: it must not stop the drain."""
    try:
        return unpack_cell(packed)
    except NotABatch:
        count_loss(losses, UNREADABLE_CELL, 1)
        return Cell()


def merged_slot(delta: Delta, packed: bytes | None, losses: dict[str, int]) -> bytes | None:
    """Return a slot's cell with a delta merged in, packed; nothing, and a loss, if the sum fits no cell."""
    cell = delta.cell
    if packed is not None:
        cell = stored_cell(packed, losses)
        cell.merge(delta.cell)
    try:
        return pack_cell(cell)
    except (struct.error, OverflowError):
        count_loss(losses, UNSTORABLE, delta.cell.count)
        return None


def merged_totals(
    deltas: Iterable[Delta], series_ids: Iterable[str], known: Mapping[str, bytes], losses: dict[str, int]
) -> dict[str, bytes]:
    """Return the totals of series with deltas merged in, packed; one that would overflow stays what it was."""
    totals = {key: stored_cell(known[key], losses) if key in known else Cell() for key in sorted(series_ids)}
    for delta in deltas:
        total = totals[delta.series.id]
        before = total.exemplars
        total.exemplars = None
        total.merge(delta.cell)
        total.exemplars = newest_exemplars(before, delta.cell.exemplars)
    packed: dict[str, bytes] = {}
    for key, cell in totals.items():
        try:
            packed[key] = pack_cell(cell)
        except (struct.error, OverflowError):
            packed[key] = known.get(key) or pack_cell(Cell())
            count_loss(losses, UNSTORABLE, 1)
    return packed


def newest_exemplars(
    before: Mapping[int, Exemplar] | None, added: Mapping[int, Exemplar] | None
) -> dict[int, Exemplar] | None:
    """Return the newest of each bucket: a total lives for years, and the highest of all time would never change."""
    kept = dict(before or {})
    for slot, exemplar in (added or {}).items():
        if slot not in kept or exemplar[1] >= kept[slot][1]:
            kept[slot] = exemplar
    return kept or None


def count_loss(losses: dict[str, int], reason: str, count: int) -> None:
    """Add to a loss, within what every store can add."""
    losses[reason] = min(MOST, losses.get(reason, 0) + max(1, count))


def hours_of(deltas: Sequence[Delta]) -> list[int]:
    """Return the hours that deltas fall into, in order."""
    return sorted({floor(delta.start, HOUR) for delta in deltas})
