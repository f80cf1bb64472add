"""The contract over Redis: each method runs one function of a neighbouring module on the keys of a shard."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

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
    Waiting,
)
from ..merging import MOST
from . import address, cells, checks, inbox, jobs, reading, upkeep
from .client import RedisClient
from .keys import ShardKeys

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

ANNOUNCE_EVERY_S = 60.0
"""How often a process makes sure that its number of shards is known to those who read."""

LOSS = b"loss:"


class RedisStore(Store):
    """Keep everything in Redis 6.2 or newer.

    The server is named by `alias`, of CACHES, or by `url`. `shards` is how many shards are written to: one is right
    for a single server, three or more spread the work over a cluster; those of an earlier, higher number are still
    read. Timeouts are in seconds. Raise `ImproperlyConfigured` where alias or URL do not lead to a Redis.
    """

    flush_interval_s = 5.0

    def __init__(
        self,
        alias: str | None = None,
        url: str | None = None,
        shards: int = 1,
        prefix: str = "artisan",
        connect_timeout: float = 1.0,
        read_timeout: float = 2.0,
    ) -> None:
        if (alias is None) == (url is None):
            raise ImproperlyConfigured("RedisStore takes either an alias of CACHES or a url")
        if shards < 1:
            raise ImproperlyConfigured("RedisStore takes at least one shard")
        if "{" in prefix or "}" in prefix:
            raise ImproperlyConfigured("the prefix may not hold braces: they mark what a cluster places keys by")
        self.alias = alias
        self.prefix = prefix
        self.client = RedisClient(
            address.from_url(url) if url is not None else address.from_alias(str(alias)), connect_timeout, read_timeout
        )
        self._shards = shards
        self._keys: dict[int, ShardKeys] = {}
        self._announced_at = float("-inf")
        self._shards_ever = shards

    # -- shards and clock ---------------------------------------------------------------------------------------------

    @property
    def shards(self) -> int:
        return self._shards

    def reading_shards(self) -> Sequence[int]:
        self._announce()
        return range(self._shards_ever)

    def _announce(self) -> None:
        """Tell the first shard how many there are, and learn how many there ever were."""
        if time.monotonic() - self._announced_at > ANNOUNCE_EVERY_S:
            self._shards_ever = int(self.client.run("announce", (self._home.state,), (self._shards,)))
            self._announced_at = time.monotonic()

    def _of(self, shard: int) -> ShardKeys:
        keys = self._keys.get(shard)
        if keys is None:
            keys = self._keys[shard] = ShardKeys(self.prefix, shard)
        return keys

    @property
    def _home(self) -> ShardKeys:
        """The first shard: jobs, notes and the number of shards are there."""
        return self._of(0)

    def now(self) -> float:
        return inbox.seconds(*self.client.run("clock", (self._home.state,)))

    def close(self) -> None:
        self.client.close()

    def check(self) -> Iterable[CheckMessage]:
        return checks.check(self.alias, self.client.address)

    # -- inbox and metrics consumer -----------------------------------------------------------------------------------

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        self._announce()
        return inbox.append(self.client, self._of(shard), process, sequence, payload, limit_bytes)

    def entries(self, shard: int, after: int, *, limit_bytes: int) -> list[Entry]:
        return inbox.entries(self.client, self._of(shard), after, limit_bytes)

    def trim(self, shard: int, upto: int, epoch: str) -> int:
        return inbox.trim(self.client, self._of(shard), upto, epoch)

    def inbox_stats(self, shard: int) -> InboxStats:
        return inbox.inbox_stats(self.client, self._of(shard))

    def cursor(self, shard: int) -> Cursor:
        return inbox.cursor(self.client, self._of(shard))

    def waiting(self, shard: int, *, limit_bytes: int) -> Waiting:
        return inbox.waiting(self.client, self._of(shard), limit_bytes)

    def producers(self, shard: int, processes: Iterable[str]) -> dict[str, Producer]:
        return inbox.producers(self.client, self._of(shard), processes)

    def commit(self, commit: Commit) -> None:
        cells.commit(self.client, self._of(commit.shard), commit, self._shards, self.breathe)

    # -- reading metrics ----------------------------------------------------------------------------------------------

    def _all(self) -> list[ShardKeys]:
        return [self._of(shard) for shard in self.reading_shards()]

    def series(self, name: str | None = None) -> list[Series]:
        found: dict[str, Series] = {}
        for keys in self._all():
            found |= reading.series(self.client, keys, name)
        return [found[key] for key in sorted(found)]

    def buckets(self, series_ids: Sequence[str], start: float, end: float) -> Iterator[Bucket]:
        # A series is in the shard of its id, in those of earlier numbers of shards, and if it is an overflow in all.
        for keys in self._all():
            yield from reading.buckets(self.client, keys, series_ids, start, end)

    def summaries(self, name: str, start: float, end: float) -> Iterator[tuple[int, int, Summary]]:
        for keys in self._all():
            yield from reading.summaries(self.client, keys, name, start, end)

    def totals(self, name: str | None = None) -> list[Total]:
        found: dict[str, Total] = {}
        for keys in self._all():
            for total in reading.totals(self.client, keys, name):
                other = found.get(total.series.id)
                if other is not None:
                    total.cell.merge(other.cell)
                    total = Total(total.series, total.cell, min(total.created_at, other.created_at))  # noqa: PLW2901
                found[total.series.id] = total
        return [found[key] for key in sorted(found)]

    def gauges(self, series_ids: Sequence[str]) -> dict[str, list[GaugeValue]]:
        youngest: dict[str, dict[str, GaugeValue]] = {}
        for keys in self._all():
            for series_id, values in reading.gauges(self.client, keys, series_ids).items():
                known = youngest.setdefault(series_id, {})
                for value in values:
                    if value.process not in known or value.age_s < known[value.process].age_s:
                        known[value.process] = value
        return {series_id: list(values.values()) for series_id, values in youngest.items()}

    # -- upkeep -------------------------------------------------------------------------------------------------------

    def dirty_hours(self) -> dict[int, int]:
        # The sum over the shards grows with every commit into the hour, whichever shard it goes to.
        found: dict[int, int] = {}
        dirty: set[int] = set()
        for keys in self._all():
            newest, clean = upkeep.versions(self.client, keys)
            for hour, number in newest.items():
                found[hour] = found.get(hour, 0) + number
                if number > clean.get(hour, 0):
                    dirty.add(hour)
        return {hour: found[hour] for hour in sorted(dirty)}

    def clean_hour(self, hour: int, version: int) -> None:
        shards = self._all()
        numbers = [upkeep.versions(self.client, keys)[0].get(hour, 0) for keys in shards]
        if sum(numbers) != version:
            # Numbers only grow: a sum that is the same means that each of them is.
            return
        for keys, number in zip(shards, numbers, strict=True):
            upkeep.clean_hour(self.client, keys, hour, number)

    def pack_hour(self, hour: int, *, coarse: bool = True) -> int:
        done = 0
        for keys in self._all():
            went, unreadable = upkeep.pack_hour(self.client, keys, hour, self.breathe, coarse=coarse)
            done += went
            if unreadable:
                self.add_losses(unreadable)
        return done

    def expire(self, before: int, idle_before: int) -> int:
        return sum(upkeep.expire(self.client, keys, before, idle_before, self.breathe) for keys in self._all())

    # -- losses -------------------------------------------------------------------------------------------------------

    def losses(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for fields in self.client.pipeline([("HGETALL", keys.state) for keys in self._all()]):
            for field, count in fields.items():
                if field.startswith(LOSS):
                    reason = field.removeprefix(LOSS).decode()
                    found[reason] = found.get(reason, 0) + int(count)
        return found

    def add_losses(self, losses: Mapping[str, int]) -> None:
        for reason, count in sorted(losses.items()):
            if count:
                self.client.call("HINCRBY", self._home.state, LOSS + reason.encode(), min(count, MOST))

    # -- jobs and notes -----------------------------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl_s: float) -> Lease | None:
        return jobs.acquire_lease(self.client, self._home, name, holder, ttl_s)

    def release_lease(self, lease: Lease) -> None:
        jobs.release_lease(self.client, self._home, lease)

    def record_job(self, run: JobRun) -> None:
        jobs.record_job(self.client, self._home, run)

    def job_records(self) -> dict[str, JobRecord]:
        return jobs.job_records(self.client, self._home)

    def set_note(self, kind: str, name: str, value: dict[str, Any], ttl_s: float) -> None:
        jobs.set_note(self.client, self._home, kind, name, value, ttl_s)

    def notes(self, kind: str) -> dict[str, Note]:
        return jobs.notes(self.client, self._home, kind)
