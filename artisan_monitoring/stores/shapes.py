"""The shapes that cross the border of a store: cursors, entries, commits, cells, leases, notes.

Named tuples: a frozen dataclass takes half a millisecond of each process' start to make, a named tuple a tenth of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..core.histogram import Cell
from ..core.packing import Delta
from ..core.series import Series


class Cursor(NamedTuple):
    """How far a consumer has come: past all entries up to `position`, within an epoch.

    `offset` is the consumer's own note on what it has done of the entries behind that; 0 for nothing.
    """

    epoch: str = ""
    position: int = 0
    offset: int = 0


class Appended(NamedTuple):
    """The answer to an append: the store's epoch and clock, whether the batch was there already, the bytes waiting."""

    epoch: str
    now: float
    duplicate: bool
    waiting_bytes: int


class Entry(NamedTuple):
    """A batch in the inbox. Positions grow in the order in which appends became visible."""

    position: int
    process: str
    sequence: int
    payload: bytes


class Producer(NamedTuple):
    """What the drain knows of a process: the last sequence number drained, and its observations up to there."""

    process: str
    sequence: int
    observations: int


class InboxStats(NamedTuple):
    """What waits in a shard's inbox; `oldest_age_s` is 0 for an empty one."""

    entries: int
    bytes: int
    oldest_age_s: float


class Waiting(NamedTuple):
    """What a round of the drain begins with: entries behind the metrics consumer's cursor, their processes, the time.

    `total` is how many entries the inbox holds in all, also those before the cursor.
    """

    cursor: Cursor
    entries: list[Entry]
    producers: dict[str, Producer]
    total: int
    now: float


@dataclass(slots=True)
class Commit:
    """What the metrics consumer has made of some entries, to be applied in one atomic step.

    `deltas` are merged: at most one for each (series, start, width). `gauges` maps a series and a process to its last
    value and time. `losses` maps a reason to how many observations were lost.
    """

    shard: int
    expected: Cursor
    new: Cursor
    deltas: list[Delta] = field(default_factory=list)
    gauges: list[tuple[Series, str, float, float]] = field(default_factory=list)
    producers: list[Producer] = field(default_factory=list)
    losses: dict[str, int] = field(default_factory=dict)


class Bucket(NamedTuple):
    """A stored cell: the slot of `width` seconds that begins at `start`."""

    series_id: str
    start: int
    width: int
    cell: Cell


class Total(NamedTuple):
    """All that was ever counted in a series since `created_at`; never goes backwards while the series lives."""

    series: Series
    cell: Cell
    created_at: float


class GaugeValue(NamedTuple):
    """The last value of a gauge in one process, and how old it is by the store's clock."""

    process: str
    value: float
    age_s: float


class Lease(NamedTuple):
    """The right to run a job until it expires; `token` grows with every lease of that name."""

    name: str
    holder: str
    token: int


class JobRun(NamedTuple):
    """One finished run of a job, for the record. `error` is empty for a success."""

    name: str
    runner: str
    started_at: float
    duration_s: float
    error: str = ""


class JobRecord(NamedTuple):
    """What is known of a job's runs; times in seconds since the epoch by the store's clock, 0 for never."""

    name: str
    runner: str = ""
    last_start: float = 0.0
    last_success: float = 0.0
    last_duration_s: float = 0.0
    last_error: str = ""
    runs: int = 0
    failures: int = 0


class Note(NamedTuple):
    """A small value that expires: a heartbeat, a process' report of itself, a cached list."""

    value: dict[str, Any]
    age_s: float
