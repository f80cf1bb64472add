"""The drain: reads the inbox in order and hands it to two consumers, metric cells and records.

Each commits its effects and its cursor in one atomic step, compared with the old cursor: a paused or doubled drainer
can do no harm. Entries are deleted when both cursors have passed them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..conf import get_settings
from ..core.guard import report
from ..core.series import Series
from ..core.windows import DAY
from ..exceptions import CursorMoved, StoreRefused, StoreUnavailable
from ..stores import get_store
from ..stores.base import Commit, Cursor, Entry, Producer, Store, Waiting, merge_deltas
from .gathering import MOST_ENTRIES, Group, Row, entries_of, gather, mark, placed, rows_done
from .pacing import breathe
from .records import consume_records

ROWS_PER_COMMIT = 500
"""About 2 ms of Redis time, so that nobody behind us on that server waits for longer."""

READ_BYTES = 1024 * 1024
"""A group: of a thousand workers that is the batches of a hundred, whose common cells are merged before they go in."""

MOST_READ_BYTES = 1024 * 1024 * 1024


def drain() -> int:
    """Drain every shard; return how many inbox entries were finished. The job `drain`.

    A shard that cannot be drained now keeps none of the others waiting; then its `StoreUnavailable` is raised. Several
    drainers begin at different shards; where they meet, one goes on and the other goes to the next shard.
    """
    store = get_store()
    finished, problem = 0, None
    for shard in _in_some_order(store.reading_shards()):
        try:
            finished += drain_shard(store, shard)
        except StoreUnavailable as exc:
            problem = problem or exc
    if problem is not None:
        raise problem
    return finished


def _in_some_order(shards: Sequence[int]) -> Sequence[int]:
    first = random.randrange(len(shards)) if len(shards) > 1 else 0  # noqa: S311  # for spreading work, not secrets
    return [*shards[first:], *shards[:first]]


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
            done = consume_metrics(store, shard, waiting)
        except CursorMoved:
            return finished
        if problem is None and 0 < done.entries == waiting.total and not done.recording:
            # The usual round: this was all there is, and nothing of it is for the other consumer.
            return finished + store.trim(shard, done.position, waiting.cursor.epoch)
        more = done.entries > 0
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


class Done(NamedTuple):
    """What the metrics consumer has made of a read: up to where, of how many entries, and whether records came too."""

    position: int
    entries: int
    recording: bool


def consume_metrics(store: Store, shard: int, waiting: Waiting) -> Done:
    """Apply the group of entries that one read of the inbox gave, in commits of 500 rows.

    A group that was begun (by a drainer that is gone) is the same again, and goes on where that one stopped.
    """
    cursor, now = waiting.cursor, waiting.now
    entries = _group(store, shard, waiting)
    if not entries:
        return Done(cursor.position, 0, recording=False)
    known = waiting.producers
    if len(entries) > len(waiting.entries):
        known = store.producers(shard, {entry.process for entry in entries})
    group, oldest = gather(entries, known, cursor.epoch), now - get_settings().RETENTION.METRICS * DAY
    committing = _Committing(store, shard, entries, known, group, cursor, now, oldest)
    first, last = rows_done(entries, cursor.offset), len(group.rows)
    for start in range(first, max(last, first + 1), ROWS_PER_COMMIT):
        committing.rows(start, min(start + ROWS_PER_COMMIT, last))
    return Done(entries[-1].position, len(entries), group.recording)


def _group(store: Store, shard: int, waiting: Waiting) -> Sequence[Entry]:
    """Return the entries of the group at the cursor; a new one is what fits into one read."""
    cursor, entries = waiting.cursor, waiting.entries
    begun, limit = entries_of(cursor.offset), READ_BYTES
    while begun > len(entries) and limit < MOST_READ_BYTES:
        # Another version of this code has read more at once; or the inbox was evicted, and then nothing helps.
        limit *= 2
        entries = store.entries(shard, cursor.position, limit_bytes=limit)
    if begun and rows_done(entries[:begun], cursor.offset):
        return entries[:begun]
    return entries[:MOST_ENTRIES]


@dataclass(slots=True)
class _Committing:
    """Commits the rows of one group; the cursor moves past its entries with the last of them."""

    store: Store
    shard: int
    entries: Sequence[Entry]
    known: Mapping[str, Producer]
    group: Group
    cursor: Cursor
    now: float
    oldest: float

    def rows(self, first: int, last: int) -> None:
        """Commit the rows [first, last); those that the store refuses for good are halved until they stand alone."""
        try:
            self._commit(first, last, self.group.rows[first:last], Counter())
        except StoreRefused as exc:
            # Cells of late minutes, or of series beyond the limit, were merged into each other: they are made anew.
            self.group = gather(self.entries, self.known, self.cursor.epoch)
            if last - first > 1:
                middle = (first + last) // 2
                self.rows(first, middle)
                self.rows(middle, last)
                return
            # Nothing was applied, and nothing of it ever will be: counted as lost, so that the river goes on.
            report("drain.refused", exc)
            losses: Counter[str] = Counter()
            losses["refused"] += sum(row.delta.cell.count for row in self.group.rows[first:last])
            self._commit(first, last, [], losses)
        breathe()

    def _commit(self, first: int, last: int, rows: Sequence[Row], losses: Counter[str]) -> None:
        deltas = [delta for row in rows if (delta := placed(row.delta, self.now, self.oldest, losses)) is not None]
        whole = last >= len(self.group.rows)
        if whole:
            losses += self.group.losses
            new = Cursor(self.cursor.epoch, self.entries[-1].position, 0)
        else:
            new = Cursor(self.cursor.epoch, self.cursor.position, mark(self.entries, last))
        self.store.commit(
            Commit(
                shard=self.shard,
                expected=self.cursor,
                new=new,
                deltas=merge_deltas(deltas),
                gauges=_gauges(rows, self.oldest),
                producers=self.group.producers if whole else [],
                losses={reason: count for reason, count in losses.items() if count},
            )
        )
        self.cursor = new


def _gauges(rows: Sequence[Row], oldest: float) -> list[tuple[Series, str, float, float]]:
    """Return the readings of rows; those of a slot that is too old are as old."""
    return [
        (row.delta.series, process, value, at)
        for row in rows
        if row.readings and row.delta.start + row.delta.width > oldest
        for process, (value, at) in row.readings.items()
    ]
