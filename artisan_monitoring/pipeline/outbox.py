"""What one process has for one shard: the batch in flight, frozen until the store has it, and what waits behind it."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass

from ..core.guard import report
from ..core.histogram import Cell
from ..core.packing import Batch, Delta, pack_batch
from ..core.series import Series
from ..core.windows import HOUR, MINUTE, TEN_MINUTES, floor
from ..exceptions import InboxFull, StoreError, StoreRefused, StoreUnavailable
from ..stores.base import Store
from .breaker import Breaker
from .harvest import MAX_RECORDS, Harvest, Merge, Merged, Record
from .pacing import breathe

DELTAS_PER_BATCH = 500
RECORDS_PER_BATCH = 200
MAX_SLOTS = 12
"""Different slots of time kept while the store is away; beyond it minutes merge into ten minutes, those into hours."""

MOST_SLOTS = 48
"""Beyond it the oldest hour joins the next one: memory is bounded however long the store is away."""

LEAN_SHARE = 1.25
"""How far beyond the inbox's limit a batch without samples may still go."""


@dataclass(slots=True)
class Frozen:
    """A batch that has a number: sent unchanged until the store answers for good."""

    batch: Batch
    payload: bytes


class Outbox:
    """At most one batch in flight, in order. Used by one thread at a time: the flusher holds a lock around it."""

    def __init__(self, shard: int, process: str, dropped: Counter[str]) -> None:
        self.shard = shard
        self.process = process
        self.dropped = dropped
        self.breaker = Breaker()
        self.epoch = ""
        self.sequence = 0
        self.observations = 0
        """Observations in all batches numbered so far."""
        self.sent_batches = 0
        self.errors = 0
        self.problem: StoreError | None = None
        """Why the last try did not succeed; nothing after one that did."""
        self.skew_s: float | None = None
        """Seconds the store's clock is ahead of ours, as the last append showed it."""
        self._cells: dict[tuple[int, int], dict[str, tuple[Series, Cell]]] = {}
        self._listed: dict[str, list[Record]] = {}
        self._merged: dict[str, Merged] = {}
        self._frozen: deque[Frozen] = deque()

    # -- filling ------------------------------------------------------------------------------------------------------

    def put_cell(self, minute: int, series: Series, cell: Cell) -> None:
        """Merge a cell of a minute into what waits."""
        self._put_cell((minute, MINUTE), series, cell)

    def _put_cell(self, slot: tuple[int, int], series: Series, cell: Cell) -> None:
        cells = self._cells.setdefault(slot, {})
        known = cells.get(series.id)
        if known is None:
            cells[series.id] = (series, cell)
        else:
            known[1].merge(cell)

    def put_records(self, harvest: Harvest) -> None:
        """Merge records into what waits; beyond 1,000 of a kind they are counted as dropped."""
        for kind, rows in harvest.listed.items():
            waiting = self._listed.setdefault(kind, [])
            room = MAX_RECORDS - len(waiting)
            waiting.extend(rows[:room])
            self.dropped[f"{kind}.full"] += max(0, len(rows) - room)
        for kind, merged in harvest.merged.items():
            mine = self._merged.setdefault(kind, Merged(merged.merge))
            for key, delta in merged.by_key.items():
                existing = mine.by_key.get(key)
                if existing is not None:
                    self._merge(kind, merged.merge, existing, delta)
                elif len(mine.by_key) < MAX_RECORDS:
                    mine.by_key[key] = delta
                else:
                    self.dropped[f"{kind}.full"] += 1

    def _merge(self, kind: str, merge: Merge, existing: Record, delta: Record) -> None:
        try:
            merge(existing, delta)
        except Exception as exc:
            # One feature's fault: what else was swapped out must not be lost by it.
            report(f"outbox.merge.{kind}", exc)
            self.dropped[f"{kind}.unmerged"] += 1

    def settle(self) -> None:
        """Merge old minutes into coarser slots while there are too many: an outage costs resolution, not counts."""
        for width, coarser in ((MINUTE, TEN_MINUTES), (TEN_MINUTES, HOUR)):
            if len(self._cells) <= MAX_SLOTS:
                return
            for slot in sorted(slot for slot in self._cells if slot[1] == width)[:-2]:
                for series, cell in self._cells.pop(slot).values():
                    self._put_cell((floor(slot[0], coarser), coarser), series, cell)
                breathe()
        while len(self._cells) > MOST_SLOTS:
            oldest, following = sorted(self._cells)[:2]
            for series, cell in self._cells.pop(oldest).values():
                self._put_cell(following, series, cell)
            breathe()

    @property
    def waiting_cells(self) -> int:
        """How many cells wait behind the frozen batches."""
        return sum(len(cells) for cells in self._cells.values())

    @property
    def unsent(self) -> int:
        """How many observations and records the store has not taken."""
        frozen = sum(each.batch.observations for each in self._frozen)
        cells = sum(cell.count for cells in self._cells.values() for _, cell in cells.values())
        merged = sum(len(each.by_key) for each in self._merged.values())
        return frozen + cells + merged + sum(map(len, self._listed.values()))

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to send."""
        return not (self._frozen or self._cells or self._listed or self._merged)

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, store: Store, limit_bytes: int, *, at_once: bool = False) -> bool:
        """Send what is frozen, then what waits. Return whether all of it went; never raises a store's fault.

        Nothing waiting is frozen while something frozen cannot go: it merges instead. `at_once` tries although the
        last failure was a moment ago: there is no later at the end of a process.
        """
        if not (at_once or self.breaker.allows(time.monotonic())):
            return False
        try:
            self._send_frozen(store, limit_bytes)
            if self._cells or self._listed or self._merged:
                self._freeze()
                self._send_frozen(store, limit_bytes)
        except (StoreUnavailable, InboxFull) as exc:
            return self._failed(exc)
        except Exception as exc:
            # Nobody's plan, so it may well last: the other shards go on, and this one pauses like for any fault.
            report("outbox.send", exc)
            return self._failed(StoreUnavailable(f"{type(exc).__qualname__}: {exc}"))
        self.problem = None
        self.breaker.succeeded()
        return True

    def _failed(self, problem: StoreError) -> bool:
        self.errors += 1
        self.problem = problem
        self.breaker.failed(time.monotonic())
        return False

    def _send_frozen(self, store: Store, limit_bytes: int) -> None:
        while self._frozen:
            frozen = self._frozen[0]
            try:
                self._append_lean_if_full(store, frozen, limit_bytes)
            except StoreRefused:
                self._split_refused()
                continue
            self._frozen.popleft()
            self.sent_batches += 1
            breathe()

    def _append_lean_if_full(self, store: Store, frozen: Frozen, limit_bytes: int) -> None:
        try:
            self._append(store, frozen, limit_bytes)
        except InboxFull:
            self._make_lean(frozen)
            at_most = int(limit_bytes * LEAN_SHARE)
            if len(frozen.payload) > at_most:
                # Not even an empty inbox would take it: waiting for room, all behind it would wait for ever.
                raise StoreRefused(f"a batch of {len(frozen.payload)} bytes for an inbox of {at_most}") from None
            self._append(store, frozen, at_most)

    def _append(self, store: Store, frozen: Frozen, limit_bytes: int) -> None:
        before = time.time()
        answer = store.append(self.shard, self.process, frozen.batch.sequence, frozen.payload, limit_bytes=limit_bytes)
        self.skew_s = answer.now - (before + time.time()) / 2
        self.epoch = answer.epoch

    def _freeze(self) -> None:
        deltas = [
            Delta(series, start, width, cell)
            for (start, width), cells in sorted(self._cells.items())
            for series, cell in cells.values()
        ]
        records = [(kind, row) for kind, rows in self._listed.items() for row in rows]
        records += [(kind, row) for kind, merged in self._merged.items() for row in merged.by_key.values()]
        self._cells, self._listed, self._merged = {}, {}, {}
        for at in range(0, max(len(deltas), 1), DELTAS_PER_BATCH):
            last = at + DELTAS_PER_BATCH >= len(deltas)
            self._freeze_batch(deltas[at : at + DELTAS_PER_BATCH], records[:RECORDS_PER_BATCH] if last else [])
        for at in range(RECORDS_PER_BATCH, len(records), RECORDS_PER_BATCH):
            self._freeze_batch([], records[at : at + RECORDS_PER_BATCH])

    def _freeze_batch(self, deltas: list[Delta], records: list[tuple[str, Record]]) -> None:
        by_kind: dict[str, list[Record]] = {}
        for kind, row in records:
            by_kind.setdefault(kind, []).append(row)
        count = sum(delta.cell.count for delta in deltas) + len(records)
        self.sequence += 1
        batch = Batch(
            self.process, self.sequence, self.shard, self.epoch, time.time(), count, self.observations, deltas, by_kind
        )
        self.observations += count
        self._frozen.append(Frozen(batch, self._pack(batch)))
        breathe()

    def _pack(self, batch: Batch) -> bytes:
        try:
            return pack_batch(batch, breathe)
        except Exception:
            self._drop_unpackable(batch)
            return pack_batch(batch, breathe)

    def _drop_unpackable(self, batch: Batch) -> None:
        for kind, rows in batch.records.items():
            good = [row for row in rows if _packs(row)]
            self.dropped[f"{kind}.unpackable"] += len(rows) - len(good)
            batch.records[kind] = good
        good_deltas = [delta for delta in batch.deltas if _packs(delta)]
        kept = sum(delta.cell.count for delta in good_deltas)
        self.dropped["metrics.unpackable"] += sum(delta.cell.count for delta in batch.deltas) - kept
        batch.deltas = good_deltas

    def _make_lean(self, frozen: Frozen) -> None:
        """Take the samples out of a batch that was certainly not taken; its counts and number stay."""
        gone = 0
        for rows in frozen.batch.records.values():
            for row in rows:
                gone += len(row.get("samples") or ())
                if "samples" in row:
                    row["samples"] = []
        if gone:
            self.dropped["samples.inbox_full"] += gone
            frozen.payload = self._pack(frozen.batch)

    def _split_refused(self) -> None:
        """Halve a batch that the store refuses, until what it refuses stands alone; that is counted and dropped."""
        frozen = self._frozen.popleft()
        batch = frozen.batch
        rows = [(kind, row) for kind, kept in batch.records.items() for row in kept]
        size = len(batch.deltas) + len(rows)
        rest = list(self._frozen)
        self._frozen.clear()
        self.sequence = batch.sequence - 1
        self.observations = batch.observations_before
        if size <= 1:
            self.dropped["quarantined"] += batch.observations
        else:
            half = size // 2
            deltas_left = batch.deltas[:half]
            rows_left = rows[: half - len(deltas_left)]
            self._freeze_batch(deltas_left, rows_left)
            self._freeze_batch(batch.deltas[len(deltas_left) :], rows[len(rows_left) :])
        for each in rest:
            self._freeze_batch(each.batch.deltas, [(k, row) for k, kept in each.batch.records.items() for row in kept])


def _packs(part: Record | Delta) -> bool:
    batch = Batch("", 0, deltas=[part]) if isinstance(part, Delta) else Batch("", 0, records={"": [part]})
    try:
        pack_batch(batch)
    except Exception:
        return False
    return True
