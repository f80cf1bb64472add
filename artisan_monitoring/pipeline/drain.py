"""The drain: reads the inbox in order and hands it to two consumers, metric cells and records.

Each commits its effects and its cursor in one atomic step, compared with the old cursor: a paused or doubled drainer
can do no harm. Entries are deleted when both cursors have passed them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from math import isfinite

from ..conf import get_settings
from ..core.guard import report
from ..core.packing import Batch, Delta, NotABatch, unpack_batch
from ..core.series import Series
from ..core.windows import DAY, clamp_minute
from ..exceptions import CursorMoved, StoreRefused, StoreUnavailable
from ..stores import get_store
from ..stores.base import Commit, Cursor, Entry, Producer, Store, Waiting, merge_deltas
from .pacing import breathe
from .records import consume_records

DELTAS_PER_COMMIT = 500
"""About 2 ms of Redis time, so that nobody behind us on that server waits for longer."""

READ_BYTES = 1024 * 1024
LATEST = 2**53


def drain() -> int:
    """Drain every shard; return how many inbox entries were finished. The job `drain`.

    A shard that cannot be drained now keeps none of the others waiting; then its `StoreUnavailable` is raised.
    """
    store = get_store()
    finished, problem = 0, None
    for shard in store.reading_shards():
        try:
            finished += drain_shard(store, shard)
        except StoreUnavailable as exc:
            problem = problem or exc
    if problem is not None:
        raise problem
    return finished


def drain_shard(store: Store, shard: int) -> int:
    """Drain what waits in one shard, or until another drainer is at work there; return how many entries went.

    Raise `StoreUnavailable` for a passing fault: the next run goes on from the cursors. Metrics need no database: while
    it cannot take records they are drained to the end first.
    """
    finished, problem = 0, None
    waiting = store.waiting(shard, limit_bytes=READ_BYTES)
    upto = waiting.total  # what comes meanwhile waits
    while finished < upto:
        try:
            recording = consume_metrics(store, shard, waiting)
        except CursorMoved:
            return finished
        if problem is None and not recording and 0 < len(waiting.entries) == waiting.total:
            # The usual round: this was all there is, and nothing of it is for the other consumer.
            return finished + store.trim(shard, waiting.entries[-1].position, waiting.cursor.epoch)
        more = bool(waiting.entries)
        if problem is None:
            try:
                recorded = consume_records(store, shard, READ_BYTES)
                cursor = store.cursor(shard)
                finished += store.trim(shard, min(cursor.position, recorded.position), cursor.epoch)
                more = more or recorded.more
            except StoreUnavailable as exc:
                problem = exc
        if not more:
            break
        waiting = store.waiting(shard, limit_bytes=READ_BYTES)
    if problem is not None:
        raise problem
    return finished


@dataclass(slots=True)
class _Work:
    """What has been gathered from entries for one commit."""

    cursor: Cursor
    now: float
    deltas: list[Delta] = field(default_factory=list)
    gauges: dict[tuple[str, str], tuple[Series, str, float, float]] = field(default_factory=dict)
    producers: dict[str, Producer] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)

    def take(self, process: str, deltas: Iterator[Delta], at_most: int, oldest: float) -> int:
        """Take deltas of one process; return how many."""
        taken = 0
        for delta in islice(deltas, at_most):
            taken += 1
            self._take(process, delta, oldest)
        return taken

    def _take(self, process: str, delta: Delta, oldest: float) -> None:
        series, cell = delta.series, delta.cell
        if not _storable(delta):
            self.losses["unstorable"] += cell.count
            return
        start, moved = clamp_minute(delta.start, self.now)
        if start + delta.width <= oldest:
            self.losses["too_old"] += cell.count
            return
        if moved:
            self.losses["time_ahead" if start < delta.start and delta.start > self.now else "time_late"] += cell.count
        width = delta.width if start == delta.start else (60 if delta.start > self.now else 3600)
        if series.kind == "gauge":
            key = (series.id, process)
            known = self.gauges.get(key)
            if known is None or known[3] <= cell.last_at:
                self.gauges[key] = (series, process, cell.last, cell.last_at)
        self.deltas.append(Delta(series, start, width, cell))


def consume_metrics(store: Store, shard: int, waiting: Waiting) -> bool:
    """Apply what one read of the inbox gave, in commits of about 500 deltas; return whether records came with it."""
    cursor, recording = waiting.cursor, False
    if not waiting.entries:
        return recording
    known = dict(waiting.producers)
    oldest = waiting.now - get_settings().RETENTION.METRICS * DAY
    work = _Work(cursor, waiting.now)
    for entry in waiting.entries:
        batch = _open(entry, work.losses)
        if batch is None:
            work.cursor = Cursor(cursor.epoch, entry.position, 0)
            continue
        recording = recording or bool(batch.records)
        left = iter(batch.deltas[work.cursor.offset :])
        while True:
            taken = work.take(entry.process, left, DELTAS_PER_COMMIT - len(work.deltas), oldest)
            if taken == 0 and len(work.deltas) < DELTAS_PER_COMMIT:
                break
            work.cursor = Cursor(cursor.epoch, work.cursor.position, work.cursor.offset + taken)
            if len(work.deltas) >= DELTAS_PER_COMMIT:
                cursor, work = _commit(store, shard, cursor, work)
        _finish(batch, known, work, cursor.epoch)
        work.cursor = Cursor(cursor.epoch, entry.position, 0)
        breathe()
    _commit(store, shard, cursor, work)
    return recording


def _open(entry: Entry, losses: Counter[str]) -> Batch | None:
    """Unpack an entry; one that cannot be read is counted, and its size shows as a gap behind it."""
    try:
        return unpack_batch(entry.payload)
    except NotABatch:
        losses["corrupt_batches"] += 1
        return None


def _finish(batch: Batch, known: dict[str, Producer], work: _Work, epoch: str) -> None:
    """Note that a process' batch is done, and count what is missing before it."""
    before = known.get(batch.process)
    seen = before.observations if before is not None else 0
    # A process that nobody knows had sent what came before to a store that is gone (its epoch was another), or to this
    # one before it was set back to a snapshot older than the process.
    reason = "gap" if before is not None or batch.epoch == epoch else "wiped"
    work.losses[reason] += max(0, batch.observations_before - seen)
    done = Producer(batch.process, batch.sequence, batch.observations_before + batch.observations)
    known[batch.process] = work.producers[batch.process] = done


def _storable(delta: Delta) -> bool:
    """Say whether every store can hold a delta: what another version or a forger sent may not be so."""
    return 0 <= delta.start <= LATEST and 0 < delta.width <= DAY and isfinite(delta.cell.sum) and _clean(delta.series)


@lru_cache(maxsize=20_000)
def _clean(series: Series) -> bool:
    """Say whether a series holds none of what PostgreSQL refuses as text: NUL and lone surrogates."""
    text = "".join((series.name, series.unit, *(part for tag in series.tags for part in tag)))
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def _commit(store: Store, shard: int, expected: Cursor, work: _Work) -> tuple[Cursor, _Work]:
    commit = Commit(
        shard=shard,
        expected=expected,
        new=work.cursor,
        deltas=merge_deltas(work.deltas),
        gauges=list(work.gauges.values()),
        producers=list(work.producers.values()),
        losses={reason: count for reason, count in work.losses.items() if count},
    )
    try:
        store.commit(commit)
    except StoreRefused as exc:
        # Nothing was applied, and nothing of it ever will be: counted as lost, so that the river goes on.
        report("drain.refused", exc)
        lost = sum(delta.cell.count for delta in commit.deltas)
        store.commit(replace(commit, deltas=[], gauges=[], losses={**commit.losses, "refused": lost}))
    breathe()
    return work.cursor, _Work(work.cursor, work.now)
