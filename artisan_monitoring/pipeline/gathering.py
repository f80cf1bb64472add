"""What a group of batches holds, merged before it is committed: a hundred workers write the same cell once, not each.

A group is a run of entries behind the cursor. Its rows are in an order that only the entries decide, so that whoever
goes on after a crash, or after us, finds the same ones behind the same number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite

from ..core.packing import Batch, Delta, NotABatch, unpack_batch
from ..core.series import Series
from ..core.windows import DAY, HOUR, MINUTE, clamp_minute
from ..stores.base import Entry, Producer
from .pacing import breathe

LATEST = 2**53
SERIES_REMEMBERED = 1 << 16
"""More than `LIMITS.STORE_SERIES`: a drain meets all of them in turn, and a smaller memory would know none again."""

_ROW_BITS, _ENTRY_BITS = 32, 14
MOST_ENTRIES = (1 << _ENTRY_BITS) - 1
_CHECK = 65_521
"""The largest prime below 2**16: what is left of a position tells one group from another."""

Readings = dict[str, tuple[float, float]]
"""A gauge's last value and its time, by process."""


@dataclass(slots=True)
class Row:
    """What all batches of a group add to one slot of one series, as they were sent."""

    delta: Delta
    readings: Readings | None = None


@dataclass(slots=True)
class Group:
    """The merged rows of some entries, and what is to be noted when all of them are committed."""

    rows: list[Row]
    producers: list[Producer]
    losses: Counter[str]
    recording: bool
    """Whether records came with them, which are for the other consumer."""


@dataclass(slots=True)
class _Gathering:
    epoch: str
    known: dict[str, Producer]
    rows: dict[tuple[str, int, int], Row] = field(default_factory=dict)
    producers: dict[str, Producer] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)

    def take(self, process: str, delta: Delta) -> None:
        series, cell = delta.series, delta.cell
        key = (series.id, delta.start, delta.width)
        row = self.rows.get(key)
        if not isfinite(cell.sum) or (row is None and not _storable(delta)):
            self.losses["unstorable"] += cell.count
            return
        if row is None:
            row = self.rows[key] = Row(delta, {} if series.kind == "gauge" else None)
        else:
            row.delta.cell.merge(cell)
        if row.readings is not None:
            known = row.readings.get(process)
            if known is None or known[1] <= cell.last_at:
                row.readings[process] = cell.last, cell.last_at

    def finish(self, batch: Batch) -> None:
        """Note that a process' batch is done, and count what is missing before it."""
        before = self.known.get(batch.process)
        seen = before.observations if before is not None else 0
        # A process that nobody knows had sent what came before to a store that is gone (its epoch was another), or to
        # this one before it was set back to a snapshot older than the process.
        reason = "gap" if before is not None or batch.epoch == self.epoch else "wiped"
        self.losses[reason] += max(0, batch.observations_before - seen)
        done = Producer(batch.process, batch.sequence, batch.observations_before + batch.observations)
        self.known[batch.process] = self.producers[batch.process] = done


def gather(entries: Sequence[Entry], known: Mapping[str, Producer], epoch: str) -> Group:
    """Merge the deltas of entries; one that cannot be read is counted, and its size shows as a gap behind it."""
    gathering, recording = _Gathering(epoch, dict(known)), False
    for entry in entries:
        try:
            batch = unpack_batch(entry.payload)
        except NotABatch:
            gathering.losses["corrupt_batches"] += 1
            continue
        for delta in batch.deltas:
            gathering.take(entry.process, delta)
            breathe()
        gathering.finish(batch)
        recording = recording or bool(batch.records)
    rows = gathering.rows
    return Group([rows[key] for key in sorted(rows)], list(gathering.producers.values()), gathering.losses, recording)


def _storable(delta: Delta) -> bool:
    """Say whether every store can hold a delta's slot and series; a forger may have sent others."""
    return 0 <= delta.start <= LATEST and 0 < delta.width <= DAY and _clean(delta.series)


@lru_cache(maxsize=SERIES_REMEMBERED)
def _clean(series: Series) -> bool:
    """Say whether a series holds none of what PostgreSQL refuses as text: NUL and lone surrogates."""
    text = "".join((series.name, series.unit, *(part for tag in series.tags for part in tag)))
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def placed(delta: Delta, now: float, oldest: float, losses: Counter[str]) -> Delta | None:
    """Return a delta in the slot that it belongs to at the store's time `now`; nothing for one that is too old."""
    cell = delta.cell
    start, moved = clamp_minute(delta.start, now)
    if start + delta.width <= oldest:
        losses["too_old"] += cell.count
        return None
    if not moved:
        return delta
    ahead = delta.start > now
    losses["time_ahead" if start < delta.start and ahead else "time_late"] += cell.count
    if start == delta.start:
        return delta
    return Delta(delta.series, start, MINUTE if ahead else HOUR, cell)


# -- how far a group is done ------------------------------------------------------------------------------------------


def mark(entries: Sequence[Entry], rows_done: int) -> int:
    """Return a cursor's offset: `rows_done` rows of the group that these entries are have been committed."""
    check = entries[-1].position % _CHECK
    return (check << _ENTRY_BITS | len(entries)) << _ROW_BITS | rows_done


def entries_of(offset: int) -> int:
    """Return how many entries the group of an offset has; 0 for none begun."""
    return offset >> _ROW_BITS & MOST_ENTRIES


def rows_done(entries: Sequence[Entry], offset: int) -> int:
    """Return how many rows of these entries' group are done; none where the offset is that of another group.

    That is so where the inbox was evicted and filled anew: what is in it now has not been drained at all.
    """
    done = offset & ((1 << _ROW_BITS) - 1)
    return done if entries and offset == mark(entries, done) else 0
