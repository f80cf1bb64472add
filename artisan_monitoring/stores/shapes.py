"""The shapes that cross the border of a store: cursors, entries, commits, cells, leases, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..core.histogram import Cell
from ..core.packing import Delta
from ..core.series import Series


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a consumer has come: past all entries up to `position`, within an epoch.

    `offset` is the consumer's own note on what it has done of the entries behind that; 0 for nothing.
    """

    epoch: str = ""
    position: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """The answer to an append: the store's epoch and clock, whether the batch was there already, the bytes waiting."""

    epoch: str
    now: float
    duplicate: bool
    waiting_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch in the inbox. Positions grow in the order in which appends became visible."""

    position: int
    process: str
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Producer:
    """What the drain knows of a process: the last sequence number drained, and its observations up to there."""

    process: str
    sequence: int
    observations: int


@dataclass(frozen=True, slots=True)
class InboxStats:
    """What waits in a shard's inbox; `oldest_age_s` is 0 for an empty one."""

    entries: int
    bytes: int
    oldest_age_s: float


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


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stored cell: the slot of `width` seconds that begins at `start`."""

    series_id: str
    start: int
    width: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class Total:
    """All that was ever counted in a series since `created_at`; never goes backwards while the series lives."""

    series: Series
    cell: Cell
    created_at: float


@dataclass(frozen=True, slots=True)
class GaugeValue:
    """The last value of a gauge in one process, and how old it is by the store's clock."""

    process: str
    value: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job until it expires; `token` grows with every lease of that name."""

    name: str
    holder: str
    token: int


@dataclass(frozen=True, slots=True)
class JobRun:
    """One finished run of a job, for the record. `error` is empty for a success."""

    name: str
    runner: str
    started_at: float
    duration_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is known of a job's runs; times in seconds since the epoch by the store's clock, 0 for never."""

    name: str
    runner: str = ""
    last_start: float = 0.0
    last_success: float = 0.0
    last_duration_s: float = 0.0
    last_error: str = ""
    runs: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """A small value that expires: a heartbeat, a process' report of itself, a cached list."""

    value: dict[str, Any]
    age_s: float
