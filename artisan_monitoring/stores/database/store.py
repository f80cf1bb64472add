"""The contract over tables: each method runs one function of a neighbouring module on a connection of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...conf import get_settings
from ...core.series import Series
from ...core.summary import Summary
from ..base import (
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
    Store,
    Total,
)
from ..connection import close_own_connections
from . import cells, checks, inbox, jobs, losses, reading, upkeep
from .sql import session, writing

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


class DatabaseStore(Store):
    """Keep everything in the tables of this app, on the alias `DATABASE`; one shard."""

    flush_interval_s = 15.0
    """Each flush is a write transaction; fewer of them leave SQLite to the host."""

    @property
    def alias(self) -> str:
        """The database alias in force."""
        return get_settings().DATABASE

    def now(self) -> float:
        with session(self.alias):
            return inbox.now(self.alias)

    def close(self) -> None:
        close_own_connections()

    def check(self) -> Iterable[CheckMessage]:
        return checks.check(self.alias)

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        with writing(self.alias):
            return inbox.append(self.alias, shard, process, sequence, payload, limit_bytes)

    def entries(self, shard: int, after: int, *, limit_bytes: int) -> list[Entry]:
        with session(self.alias):
            return inbox.entries(self.alias, shard, after, limit_bytes)

    def trim(self, shard: int, upto: int, epoch: str) -> int:
        with session(self.alias):
            return inbox.trim(self.alias, shard, upto, epoch)

    def inbox_stats(self, shard: int) -> InboxStats:
        with session(self.alias):
            return inbox.inbox_stats(self.alias, shard)

    def cursor(self, shard: int) -> Cursor:
        with session(self.alias):
            return inbox.cursor(self.alias, shard)

    def producers(self, shard: int, processes: Iterable[str]) -> dict[str, Producer]:
        with session(self.alias):
            return inbox.producers(self.alias, shard, processes)

    def commit(self, commit: Commit) -> None:
        with writing(self.alias):
            cells.commit(self.alias, commit, self.breathe)

    def series(self, name: str | None = None) -> list[Series]:
        with session(self.alias):
            return reading.series(self.alias, name)

    def buckets(self, series_ids: Sequence[str], start: float, end: float) -> Iterator[Bucket]:
        return reading.buckets(self.alias, series_ids, start, end)

    def summaries(self, name: str, start: float, end: float) -> Iterator[tuple[int, int, Summary]]:
        return reading.summaries(self.alias, name, start, end)

    def totals(self, name: str | None = None) -> list[Total]:
        with session(self.alias):
            return reading.totals(self.alias, name)

    def gauges(self, series_ids: Sequence[str]) -> dict[str, list[GaugeValue]]:
        with session(self.alias):
            return reading.gauges(self.alias, series_ids)

    def dirty_hours(self) -> dict[int, int]:
        with session(self.alias):
            return upkeep.dirty_hours(self.alias)

    def clean_hour(self, hour: int, version: int) -> None:
        with session(self.alias):
            upkeep.clean_hour(self.alias, hour, version)

    def pack_hour(self, hour: int, *, coarse: bool = True) -> int:
        return upkeep.pack_hour(self.alias, hour, self.breathe, coarse=coarse)

    def expire(self, before: int, idle_before: int) -> int:
        return upkeep.expire(self.alias, before, idle_before, self.now(), self.breathe)

    def losses(self) -> dict[str, int]:
        with session(self.alias):
            return losses.losses(self.alias)

    def add_losses(self, losses_found: Mapping[str, int]) -> None:
        with writing(self.alias):
            losses.add_losses(self.alias, losses_found)

    def acquire_lease(self, name: str, holder: str, ttl_s: float) -> Lease | None:
        with writing(self.alias):
            return jobs.acquire_lease(self.alias, name, holder, ttl_s)

    def release_lease(self, lease: Lease) -> None:
        with session(self.alias):
            jobs.release_lease(self.alias, lease)

    def record_job(self, run: JobRun) -> None:
        with writing(self.alias):
            jobs.record_job(self.alias, run)

    def job_records(self) -> dict[str, JobRecord]:
        with session(self.alias):
            return jobs.job_records(self.alias)

    def set_note(self, kind: str, name: str, value: dict[str, Any], ttl_s: float) -> None:
        with writing(self.alias):
            jobs.set_note(self.alias, kind, name, value, ttl_s, inbox.now(self.alias))

    def notes(self, kind: str) -> dict[str, Note]:
        with session(self.alias):
            return jobs.notes(self.alias, kind)
