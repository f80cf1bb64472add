"""The buffer loses nothing: not between threads, not when a finaliser records, not when a clock goes back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from artisan_monitoring.core.registry import LiveSeries
from artisan_monitoring.core.series import Series
from artisan_monitoring.pipeline import buffer as module
from artisan_monitoring.pipeline.buffer import Buffer
from artisan_monitoring.pipeline.harvest import MAX_RECORDS, Harvest


def counter(name: str = "c") -> LiveSeries:
    return LiveSeries(Series(name, "counter", "count", ()))


def distribution(name: str = "d") -> LiveSeries:
    return LiveSeries(Series(name, "distribution", "s", ()))


def total(harvest: Harvest, name: str) -> tuple[int, float]:
    cells = [cell for rows in harvest.slots.values() for series, cell in rows if series.name == name]
    return sum(cell.count for cell in cells), sum(cell.sum for cell in cells)


def merge(existing: dict[str, Any], delta: dict[str, Any]) -> None:
    existing["n"] += delta["n"]


def test_threads_that_record_while_others_swap_lose_nothing(own_buffer: Buffer) -> None:
    live, harvests = counter(), []

    def record() -> None:
        for _ in range(5_000):
            own_buffer.add(live, 1)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        harvests.append(own_buffer.swap())
    harvests.append(own_buffer.swap())

    assert sum(total(harvest, "c")[1] for harvest in harvests) == 20_000


def test_a_finaliser_that_records_while_its_thread_is_inside_is_counted_after(own_buffer: Buffer) -> None:
    live, other = distribution(), counter("inner")

    class Records(float):
        # `observe` compares the value under the lock: as a signal handler or the collector would, this runs inside.
        def __lt__(self, than: object) -> bool:
            own_buffer.add(other, 1)
            own_buffer.add_record("event", {"n": 1})
            return float(self) < float(than)  # type: ignore[arg-type]

    own_buffer.observe(live, Records(0.5))
    harvest = own_buffer.swap()

    assert total(harvest, "d") == (1, 0.5)
    assert total(harvest, "inner")[0] >= 1
    assert len(harvest.listed["event"]) == total(harvest, "inner")[0]


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(module, "_time", lambda: now)


def test_each_minute_has_its_own_cell(own_buffer: Buffer, monkeypatch: pytest.MonkeyPatch) -> None:
    live = counter()
    for now in (60_000.0, 60_059.9, 60_060.0, 60_130.0):
        at(monkeypatch, now)
        own_buffer.add(live, 1)
    slots = own_buffer.swap().slots

    assert {minute: rows[0][1].sum for minute, rows in slots.items()} == {60_000: 2, 60_060: 1, 60_120: 1}


def test_a_clock_that_goes_back_loses_nothing(own_buffer: Buffer, monkeypatch: pytest.MonkeyPatch) -> None:
    live = counter()
    for now in (60_000.0, 59_000.0, 60_001.0):
        at(monkeypatch, now)
        own_buffer.add(live, 1)

    assert total(own_buffer.swap(), "c") == (3, 3)


def test_minutes_are_the_stores(own_buffer: Buffer, monkeypatch: pytest.MonkeyPatch) -> None:
    own_buffer.clock_offset = 120.0
    at(monkeypatch, 60_000.0)
    own_buffer.add(counter(), 1)

    assert list(own_buffer.swap().slots) == [60_120]


def test_records_beyond_the_limit_are_dropped_and_counted(own_buffer: Buffer) -> None:
    for number in range(MAX_RECORDS + 5):
        own_buffer.add_record("event", {"n": number})
        own_buffer.merge_record("error", number, {"n": 1}, merge)
    harvest = own_buffer.swap()

    assert len(harvest.listed["event"]) == len(harvest.merged["error"].by_key) == MAX_RECORDS
    assert own_buffer.dropped == {"event.full": 5, "error.full": 5}


def test_records_of_one_key_merge(own_buffer: Buffer) -> None:
    for _ in range(MAX_RECORDS + 5):
        own_buffer.merge_record("error", "same", {"n": 1}, merge)

    assert own_buffer.swap().merged["error"].by_key == {"same": {"n": MAX_RECORDS + 5}}


def test_an_exemplar_keeps_the_largest_of_its_bucket(own_buffer: Buffer) -> None:
    live = distribution()
    for value, trace in ((0.3, "a"), (0.4, "b"), (0.35, "c"), (3.0, "d")):
        own_buffer.observe(live, value, {"trace_id": trace})
    ((_, cell),) = next(iter(own_buffer.swap().slots.values()))

    assert sorted(each[2]["trace_id"] for each in (cell.exemplars or {}).values()) == ["b", "d"]


def test_the_first_record_starts_things_and_an_urgent_one_hurries(own_buffer: Buffer) -> None:
    calls: list[str] = []
    own_buffer.on_first = lambda: calls.append("first")
    own_buffer.on_urgent = lambda: calls.append("urgent")

    own_buffer.add(counter(), 1)
    own_buffer.add_record("event", {})
    own_buffer.add_record("event", {}, urgent=True)

    assert calls == ["first", "urgent"]
    assert own_buffer.swap().urgent


@pytest.mark.parametrize("record", [lambda b, live: b.add(live, 1), lambda b, live: b.add_record("event", {})])
def test_a_forked_child_begins_empty_and_the_parent_keeps_what_it_had(
    record: Callable[[Buffer, LiveSeries], None],
) -> None:
    live = counter()
    record(module.buffer, live)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # no assertion may leave this branch: a forked test run would go on
        before = module.buffer.filled
        module.buffer.add(live, 1)
        after = total(module.buffer.swap(), "c")
        os.write(writing, f"{before} {after}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)

    assert told == "False (1, 1)"
    assert module.buffer.filled
    module.buffer.swap()


def test_a_thread_that_cannot_be_started_is_asked_for_again_and_the_host_hears_nothing(own_buffer: Buffer) -> None:
    tries: list[int] = []

    def start() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("can't start new thread")

    own_buffer.on_first, live = start, counter()
    for _ in range(5):
        own_buffer.add(live, 1)
        own_buffer.add_record("event", {})

    assert len(tries) == 3
    harvest = own_buffer.swap()
    assert (total(harvest, "c"), len(harvest.listed["event"])) == ((5, 5), 5)


def test_a_finaliser_that_records_in_the_midst_of_a_swap_is_counted_in_the_next(own_buffer: Buffer) -> None:
    class Recording(LiveSeries):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "touched" and value:
                own_buffer.add(inner, 1)
                own_buffer.add_record("event", {})

    inner = counter("inner")
    own_buffer.add(Recording(Series("c", "counter", "count", ())), 1)

    first, second = own_buffer.swap(), own_buffer.swap()

    assert (total(first, "c"), total(first, "inner"), total(second, "inner")) == ((1, 1), (0, 0), (1, 1))
    assert (first.listed, len(second.listed["event"])) == ({}, 1)


def test_a_swap_cut_short_by_a_time_limit_loses_nothing(own_buffer: Buffer) -> None:
    class TimeLimit(Exception):
        pass

    class Interrupting(LiveSeries):
        """Where a signal handler may raise: in the midst of the swap."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "cell" and value is None and limits:
                raise limits.pop()
            super().__setattr__(name, value)

    limits: list[Exception] = []
    series = [counter("c"), Interrupting(Series("c", "counter", "count", (("n", "2"),))), counter("c")]
    for live in series:
        own_buffer.add(live, 1)
    limits.append(TimeLimit())
    with pytest.raises(TimeLimit):
        own_buffer.swap()
    for live in series:
        own_buffer.add(live, 1)

    assert total(own_buffer.swap(), "c") == (6, 6)
