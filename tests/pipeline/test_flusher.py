"""The flusher sends what was swapped out once, whoever flushes, and holds little while it cannot."""

from __future__ import annotations

import time
from typing import Any

import pytest

from artisan_monitoring.core.packing import Batch, unpack_batch
from artisan_monitoring.core.registry import LiveSeries
from artisan_monitoring.core.series import Series
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.pipeline import flusher as module
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.flusher import Flusher
from artisan_monitoring.pipeline.outbox import MOST_SLOTS
from artisan_monitoring.stores.base import Appended

pytestmark = pytest.mark.usefixtures("quiet")


class MemoryStore:
    """Takes what it gets, or does what a test says. Stands in for a store whose faults cannot be timed."""

    shards = 1
    flush_interval_s = 5.0

    def __init__(self) -> None:
        self.taken: dict[int, Batch] = {}
        self.on_append: Any = lambda shard, sequence: None

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        self.on_append(shard, sequence)
        known = sequence in self.taken
        self.taken.setdefault(sequence, unpack_batch(payload))
        return Appended("epoch", time.time(), known, len(payload))

    def set_note(self, *args: object) -> None:
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    made = MemoryStore()
    monkeypatch.setattr(module, "get_store", lambda: made)
    return made


def count(times: int = 1, name: str = "c") -> None:
    live = LiveSeries(Series(name, "counter", "count", ()))
    for _ in range(times):
        buffer.add(live, 1)


def test_a_signal_handler_that_flushes_while_its_thread_does_loses_no_batch(store: MemoryStore) -> None:
    flusher, calls = Flusher(), []

    def interrupted(shard: int, sequence: int) -> None:
        calls.append(sequence)
        if len(calls) == 1:
            flusher.flush()
        elif len(calls) == 3:
            raise StoreUnavailable  # for the inner flush, after it took the first batch off the queue

    store.on_append = interrupted
    for number in range(600):  # two batches
        count(name=f"c{number}")
    flusher.flush()
    flusher.flush(until=time.monotonic() + 5)

    assert sum(batch.observations for batch in store.taken.values()) == 600
    assert flusher.unsent == 0


def test_what_waits_does_not_grow_while_no_store_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot() -> None:
        raise ImportError("no such backend")

    flusher, now = Flusher(), time.time()
    monkeypatch.setattr(module, "get_store", cannot)
    for hour in range(100):
        monkeypatch.setattr("artisan_monitoring.pipeline.buffer._time", lambda hour=hour: now + hour * 3600)
        count()
        flusher.flush()

    assert flusher.waiting_cells <= MOST_SLOTS
    assert flusher.unsent == 100


def test_without_a_thread_a_clock_that_goes_back_puts_off_no_flush(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    flusher = Flusher()
    assert flusher.due()
    flusher.flush()
    assert not flusher.due()

    later, wall = time.monotonic() + 60, time.time() - 3600
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    monkeypatch.setattr(module.time, "time", lambda: wall)
    assert flusher.due()


def test_a_shard_that_fails_in_a_way_nobody_planned_keeps_no_other_from_sending(store: MemoryStore) -> None:
    def fail_first(shard: int, sequence: int) -> None:
        if shard == first:
            raise RuntimeError

    flusher, store.shards = Flusher(), 3
    for number in range(60):
        count(name=f"c{number}")
    with flusher.held():
        flusher._sort(buffer.swap(), 3)
    first = next(iter(flusher._outboxes))
    store.on_append = fail_first

    assert not flusher.flush()
    assert [box.empty for shard, box in flusher._outboxes.items() if shard != first] == [True, True]
