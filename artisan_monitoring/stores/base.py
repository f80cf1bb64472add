"""The contract of a store: where batches wait, where metric cells live, and who holds which job.

Every store keeps, per shard, one *state*: an epoch (a random id made when the state is first made), the cursor of the
metrics consumer, the bytes waiting, and what was lost. Losing the state means a new epoch, and the processes notice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..core.packing import Delta
from ..core.series import Series
from ..core.summary import Summary
from .shapes import (
    Appended,
    Bucket,
    Commit,
    Cursor,
    Entry,
    GaugeValue,
    InboxStats,
    JobRecord,
    JobRun,
    Lease,
    Note,
    Producer,
    Total,
    Waiting,
)

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

__all__ = [
    "GAUGE_LIVES_S",
    "GAUGE_PROCESSES",
    "GAUGE_SILENCE_FLUSHES",
    "PROCESS_TTL_S",
    "Appended",
    "Bucket",
    "Commit",
    "Cursor",
    "Entry",
    "GaugeValue",
    "InboxStats",
    "JobRecord",
    "JobRun",
    "Lease",
    "Note",
    "Producer",
    "Store",
    "Total",
    "Waiting",
    "merge_deltas",
    "shard_of",
]

PROCESS_TTL_S = 8 * 86_400
"""How long the last sequence number of a silent process is kept: longer than any process retries a batch."""

GAUGE_SILENCE_FLUSHES = 3
"""A process silent for this many flushes leaves a gauge whose processes are summed."""


GAUGE_PROCESSES = 512
"""How many processes' readings of a gauge are kept beyond those that live: workers that are recycled leave one each."""

GAUGE_LIVES_S = 3600
"""A process whose reading is as young as this lives, and keeps it however many there are."""


class Store(ABC):
    """Keep batches until they are drained, and metric cells until they expire.

    Every method may raise `StoreUnavailable` for a passing fault. One instance serves all threads of a process; after
    a fork the child makes its own.
    """

    flush_interval_s: float = 5.0
    """Seconds between two flushes of a process, unless the project says otherwise."""

    breathe: Callable[[], None] = staticmethod(lambda: None)
    """Called between the bounded steps of long upkeep; whoever runs it in a web process makes it yield."""

    # -- shards and clock ---------------------------------------------------------------------------------------------

    @property
    def shards(self) -> int:
        """How many shards are written to. Series go to shard `int(series.id, 16) % shards`."""
        return 1

    def reading_shards(self) -> Sequence[int]:
        """Return every shard that may hold something: all ever used."""
        return range(self.shards)

    @abstractmethod
    def now(self) -> float:
        """Return the store's clock, in seconds since the epoch. Also the cheapest way to see that it answers."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections. The store may be used again."""

    def check(self) -> Iterable[CheckMessage]:
        """Yield system-check messages about how this store is set up. Must not raise when the store is away."""
        return ()

    # -- inbox --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        """Put a packed batch into a shard's inbox, once.

        A batch whose sequence number is not above the last one of its process is a retry: nothing is done, and the
        answer says `duplicate`. Raise `InboxFull` when the inbox would hold more than `limit_bytes`, `StoreRefused`
        when this payload can never be stored.
        """

    @abstractmethod
    def entries(self, shard: int, after: int, *, limit_bytes: int) -> list[Entry]:
        """Return the entries behind a position, in order: about `limit_bytes` in all, but at least one if there is."""

    @abstractmethod
    def trim(self, shard: int, upto: int, epoch: str) -> int:
        """Delete the entries at or before a position, take their bytes off the count, return how many.

        None where the shard's epoch has become another: positions of an earlier one say nothing about these entries.
        """

    @abstractmethod
    def inbox_stats(self, shard: int) -> InboxStats:
        """Return what waits in a shard's inbox."""

    # -- the metrics consumer -----------------------------------------------------------------------------------------

    @abstractmethod
    def cursor(self, shard: int) -> Cursor:
        """Return the metrics consumer's cursor; its epoch is the shard's, made now if there was none."""

    def waiting(self, shard: int, *, limit_bytes: int) -> Waiting:
        """Return what a round of the drain begins with; of an empty inbox only that it is. A store that can answers
        all of it at once.
        """
        count = self.inbox_stats(shard).entries
        if not count:
            return Waiting(Cursor(), [], {}, 0, 0.0)
        cursor = self.cursor(shard)
        entries = self.entries(shard, cursor.position, limit_bytes=limit_bytes)
        producers = self.producers(shard, {entry.process for entry in entries}) if entries else {}
        return Waiting(cursor, entries, producers, count, self.now())

    @abstractmethod
    def producers(self, shard: int, processes: Iterable[str]) -> dict[str, Producer]:
        """Return what the drain knows of processes; unknown ones are missing."""

    @abstractmethod
    def commit(self, commit: Commit) -> None:
        """Apply a commit in one atomic step, or raise `CursorMoved` and apply nothing.

        For each delta: merge it into the cell of its slot, and into the series' total; register the series; mark its
        hour dirty with a number that grows with every commit; and merge the cells of a summarised metric into its
        summary of the slot (see `core.summary`). A new series beyond `LIMITS.STORE_SERIES` goes into its
        metric's overflow series, and is counted as loss reason `store_series` (of detail, not of count). A delta that
        fits no cell together with what is there is left out and counted as `unstorable`. Raise `StoreRefused`, and
        apply nothing, for text that the store cannot hold.
        """

    # -- reading metrics ----------------------------------------------------------------------------------------------

    @abstractmethod
    def series(self, name: str | None = None) -> list[Series]:
        """Return the series of one metric, or all."""

    @abstractmethod
    def buckets(self, series_ids: Sequence[str], start: float, end: float) -> Iterator[Bucket]:
        """Yield the cells of the slots that begin in [start, end), in no particular order."""

    @abstractmethod
    def summaries(self, name: str, start: float, end: float) -> Iterator[tuple[int, int, Summary]]:
        """Yield (start, width, summary) of the slots of a summarised metric that begin in [start, end).

        In no particular order, and a slot may come in parts: one a shard.
        """

    @abstractmethod
    def totals(self, name: str | None = None) -> list[Total]:
        """Return the cumulative totals of one metric's series, or of all."""

    @abstractmethod
    def gauges(self, series_ids: Sequence[str]) -> dict[str, list[GaugeValue]]:
        """Return each gauge's last value in each process."""

    # -- upkeep -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def dirty_hours(self) -> dict[int, int]:
        """Return the hours (start, seconds) written to since their roll-up, each with its newest commit number."""

    @abstractmethod
    def clean_hour(self, hour: int, version: int) -> None:
        """Forget that an hour is dirty, unless it was written to after `version`."""

    @abstractmethod
    def pack_hour(self, hour: int, *, coarse: bool = True) -> int:
        """Make the cells of a closed hour small; return how many cells were taken in.

        They are kept as one archive a series; `coarse` also merges one-minute cells into ten-minute cells of schema 4.
        Running it twice, or beside a commit that writes into the hour, loses and doubles nothing.
        """

    @abstractmethod
    def expire(self, before: int, idle_before: int) -> int:
        """Delete cells of slots before one time, and series, totals and gauges silent since another; return how many.

        Of a gauge's processes the newest `GAUGE_PROCESSES` stay, and all that were read within `GAUGE_LIVES_S`.
        Works in bounded steps; what expires by itself need not be touched.
        """

    # -- losses -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def losses(self) -> dict[str, int]:
        """Return how many observations were lost, by reason, since the store was made."""

    @abstractmethod
    def add_losses(self, losses: Mapping[str, int]) -> None:
        """Count losses found outside a commit."""

    # -- jobs and notes -----------------------------------------------------------------------------------------------

    @abstractmethod
    def acquire_lease(self, name: str, holder: str, ttl_s: float) -> Lease | None:
        """Return a lease with a token above all earlier ones of that name, or nothing while another holds it."""

    @abstractmethod
    def release_lease(self, lease: Lease) -> None:
        """End a lease early; one that has passed to another holder is left alone."""

    @abstractmethod
    def record_job(self, run: JobRun) -> None:
        """Keep the outcome of a run."""

    @abstractmethod
    def job_records(self) -> dict[str, JobRecord]:
        """Return what is known of every job that has ever run."""

    @abstractmethod
    def set_note(self, kind: str, name: str, value: dict[str, Any], ttl_s: float) -> None:
        """Keep a small JSON value for a time."""

    @abstractmethod
    def notes(self, kind: str) -> dict[str, Note]:
        """Return the notes of a kind that have not expired, by name."""


def shard_of(series: Series, shards: int) -> int:
    """Return the shard a series is written to."""
    return int(series.id, 16) % shards if shards > 1 else 0


def merge_deltas(deltas: Iterable[Delta]) -> list[Delta]:
    """Merge deltas of the same series and slot; sorted, so that writers take rows in one order. Cells are consumed."""
    merged: dict[tuple[str, int, int], Delta] = {}
    for delta in deltas:
        key = (delta.series.id, delta.start, delta.width)
        known = merged.get(key)
        if known is None:
            merged[key] = delta
        else:
            known.cell.merge(delta.cell)
    return [merged[key] for key in sorted(merged)]
