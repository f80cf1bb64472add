"""An outbox sends each batch exactly once, whatever the store answers, and merges while it cannot."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Batch, unpack_batch
from artisan_monitoring.core.series import Series
from artisan_monitoring.exceptions import InboxFull, StoreRefused, StoreUnavailable
from artisan_monitoring.pipeline.harvest import Harvest
from artisan_monitoring.pipeline.outbox import DELTAS_PER_BATCH, MAX_SLOTS, MOST_SLOTS, Outbox
from artisan_monitoring.stores.base import Appended, Store

LIMIT = 1_000_000


class ScriptedStore:
    """Answers `append` from a script, then takes everything; keeps what it took. Stands in for the faults of a store
    that a real one cannot be made to show on demand.
    """

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.taken: list[Batch] = []
        self.tried: list[tuple[int, bytes, int]] = []

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        self.tried.append((sequence, payload, limit_bytes))
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.taken.append(unpack_batch(payload))
        return Appended("epoch", 0.0, False, len(payload))


class RefusingStore(ScriptedStore):
    """Refuses every batch that holds a record or series named `bad`."""

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        batch = unpack_batch(payload)
        names = [delta.series.name for delta in batch.deltas] + [
            row["n"] for rows in batch.records.values() for row in rows
        ]
        if "bad" in names:
            raise StoreRefused
        return super().append(shard, process, sequence, payload, limit_bytes=limit_bytes)


def outbox() -> Outbox:
    return Outbox(0, "p" * 32, Counter())


def fill(box: Outbox, name: str = "m", minute: int = 600, value: float = 1) -> None:
    cell = Cell()
    cell.add(value)
    box.put_cell(minute, Series(name, "counter", "count", ()), cell)


def harvest(**listed: list[dict[str, Any]]) -> Harvest:
    made = Harvest()
    made.listed.update(listed)
    return made


def merging(**merged: tuple[Any, dict[Any, Any]]) -> Harvest:
    made = Harvest()
    for kind, (merge, records) in merged.items():
        for key, record in records.items():
            made.merge(kind, key, record, merge)
    return made


def send(box: Outbox, store: ScriptedStore) -> bool:
    box.breaker.succeeded()  # the pause is another test's
    real: Store = store  # type: ignore[assignment]
    return box.send(real, LIMIT)


def sums(batches: list[Batch]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for batch in batches:
        for delta in batch.deltas:
            counted[delta.series.name] += int(delta.cell.sum)
    return counted


def test_a_batch_that_failed_is_sent_again_unchanged_while_new_data_merges() -> None:
    box, store = outbox(), ScriptedStore(StoreUnavailable(), StoreUnavailable())
    fill(box)
    assert not send(box, store)
    fill(box)
    fill(box)
    assert not send(box, store)
    assert send(box, store)

    assert store.tried[0][:2] == store.tried[1][:2] == store.tried[2][:2]
    assert [batch.sequence for batch in store.taken] == [1, 2]
    assert sums(store.taken) == {"m": 3}
    assert len(store.taken[1].deltas) == 1


def test_batches_say_how_many_observations_came_before() -> None:
    box, store = outbox(), ScriptedStore()
    for count in (2, 3):
        for _ in range(count):
            fill(box)
        send(box, store)

    assert [(batch.observations_before, batch.observations) for batch in store.taken] == [(0, 2), (2, 3)]
    assert [batch.epoch for batch in store.taken] == ["", "epoch"]


def test_a_full_inbox_gets_the_counts_without_the_samples() -> None:
    box, store = outbox(), ScriptedStore(InboxFull())
    box.put_records(harvest(error=[{"n": "a", "count": 3, "samples": [{"x": 1}, {"x": 2}]}]))

    assert send(box, store)

    assert store.taken[0].records == {"error": [{"n": "a", "count": 3, "samples": []}]}
    assert store.tried[1][2] > store.tried[0][2]
    assert box.dropped["samples.inbox_full"] == 2


def test_an_inbox_that_stays_full_holds_everything_back() -> None:
    box, store = outbox(), ScriptedStore(InboxFull(), InboxFull())
    fill(box)

    assert not send(box, store)
    fill(box)
    assert send(box, store)
    assert sums(store.taken) == {"m": 2}


def test_a_refused_batch_is_split_until_the_bad_part_stands_alone() -> None:
    box, store = outbox(), RefusingStore()
    for name in ("a", "b", "bad", "c", "d"):
        fill(box, name)
    box.put_records(harvest(error=[{"n": "x"}, {"n": "bad"}, {"n": "y"}]))

    assert send(box, store)

    assert sums(store.taken) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert sorted(row["n"] for batch in store.taken for row in batch.records.get("error", [])) == ["x", "y"]
    assert box.dropped["quarantined"] == 2
    sequences = [batch.sequence for batch in store.taken]
    assert sequences == sorted(set(sequences))


def test_what_cannot_be_packed_is_dropped_alone_and_counted() -> None:
    box, store = outbox(), ScriptedStore()
    fill(box)
    box.put_records(harvest(error=[{"n": "good"}, {"n": float("nan")}, {"n": object()}]))

    assert send(box, store)

    assert store.taken[0].records == {"error": [{"n": "good"}]}
    assert sums(store.taken) == {"m": 1}
    assert box.dropped["error.unpackable"] == 2


def test_an_outage_costs_resolution_and_no_count() -> None:
    box = outbox()
    for minute in range(0, 200 * 60, 60):
        fill(box, minute=minute)
        box.settle()
    assert box.waiting_cells <= MAX_SLOTS + 2

    store = ScriptedStore()
    send(box, store)

    assert sums(store.taken) == {"m": 200}
    assert {delta.width for batch in store.taken for delta in batch.deltas} > {60, 600}


def test_many_cells_go_in_several_batches_in_order() -> None:
    box, store = outbox(), ScriptedStore()
    for number in range(DELTAS_PER_BATCH * 2 + 1):
        fill(box, f"m{number}")

    send(box, store)

    assert [len(batch.deltas) for batch in store.taken] == [DELTAS_PER_BATCH, DELTAS_PER_BATCH, 1]


def test_merged_records_go_on_merging_while_they_wait() -> None:
    box, store = outbox(), ScriptedStore(StoreUnavailable())
    fill(box)
    send(box, store)

    def added(existing: dict[str, Any], new: dict[str, Any]) -> None:
        existing["count"] += new["count"]

    for _ in range(2):
        box.put_records(merging(error=(added, {"k": {"count": 1}})))
    send(box, store)

    assert store.taken[-1].records == {"error": [{"count": 2}]}


@pytest.mark.parametrize("kind", [StoreUnavailable, InboxFull])
def test_a_fault_opens_the_breaker(kind: type[Exception]) -> None:
    box, store = outbox(), ScriptedStore(kind(), kind())
    fill(box)
    send(box, store)

    real: Store = store  # type: ignore[assignment]
    assert not box.send(real, LIMIT)
    assert box.breaker.state == "open"
    assert box.errors == 1
    assert len(store.tried) <= 2


def test_a_fault_that_nobody_planned_keeps_the_batch_and_opens_the_breaker() -> None:
    box, store = outbox(), ScriptedStore(RuntimeError("a driver's own"))
    fill(box)

    assert not send(box, store)
    assert (box.breaker.state, box.errors) == ("open", 1)
    assert str(box.problem) == "RuntimeError: a driver's own"

    assert send(box, store)
    assert [each.observations for each in store.taken] == [1]
    assert store.tried[0] == store.tried[1]


def test_a_batch_that_is_refused_once_there_is_room_is_split_like_any() -> None:
    box, store = outbox(), RefusingStore(InboxFull())
    real_append = store.append

    def full_before_it_is_looked_at(*args: Any, **keywords: Any) -> Appended:
        if store.answers:
            raise store.answers.pop()
        return real_append(*args, **keywords)

    store.append = full_before_it_is_looked_at  # type: ignore[method-assign]
    box.put_records(harvest(event=[{"n": "good"}, {"n": "bad"}]))

    assert send(box, store)
    assert [each.records for each in store.taken] == [{"event": [{"n": "good"}]}]
    assert box.dropped["quarantined"] == 1


def test_what_is_set_aside_is_counted_by_observation() -> None:
    box, store = outbox(), RefusingStore()
    for _ in range(3):
        fill(box, "bad")
    for value in (float("nan"), 10**400):
        cell = Cell()
        cell.count, cell.sum = 5, value
        box.put_cell(600, Series(f"odd {value}"[:9], "counter", "count", ()), cell)

    send(box, store)

    assert box.dropped["quarantined"] == 3
    assert box.dropped["metrics.unpackable"] == 5  # no double holds 10**400; the drain counts NaN


def test_an_outage_of_days_holds_no_more_than_one_of_hours() -> None:
    box = outbox()
    for hour in range(24 * 8):
        for minute in (0, 30):
            fill(box, minute=hour * 3600 + minute * 60)
        box.settle()

    assert box.waiting_cells <= MOST_SLOTS
    store = ScriptedStore()
    send(box, store)
    deltas = [delta for batch in store.taken for delta in batch.deltas]
    assert sum(delta.cell.sum for delta in deltas) == 24 * 8 * 2
    assert max(delta.start for delta in deltas) == (24 * 8 - 1) * 3600 + 1800


def test_records_that_do_not_merge_take_no_others_with_them() -> None:
    def broken(existing: dict[str, Any], delta: dict[str, Any]) -> None:
        raise ArithmeticError

    box, store = outbox(), ScriptedStore()
    for _ in range(2):
        box.put_records(merging(a=(broken, {"k": {"n": 1}}), b=(dict.update, {"k": {"n": 2}})))

    send(box, store)

    assert store.taken[0].records == {"a": [{"n": 1}], "b": [{"n": 2}]}
    assert box.dropped["a.unmerged"] == 1


class SmallStore(ScriptedStore):
    """Has an inbox, always empty, that takes no more than its limit: as every store does."""

    def append(self, shard: int, process: str, sequence: int, payload: bytes, *, limit_bytes: int) -> Appended:
        if len(payload) > limit_bytes:
            raise InboxFull
        return super().append(shard, process, sequence, payload, limit_bytes=limit_bytes)


def test_a_batch_larger_than_the_whole_inbox_goes_in_parts() -> None:
    box, store = outbox(), SmallStore()
    for number in range(200):
        fill(box, f"metric.{number**7}")

    box.breaker.succeeded()
    assert box.send(store, 1000)  # type: ignore[arg-type]

    assert len(store.taken) > 2
    assert sum(sums(store.taken).values()) == 200
    assert [batch.sequence for batch in store.taken] == list(range(1, len(store.taken) + 1))
    assert sum(batch.observations for batch in store.taken) == 200
    assert not box.dropped["quarantined"]


def test_a_record_larger_than_the_whole_inbox_is_set_aside_and_counted() -> None:
    box, store = outbox(), SmallStore()
    fill(box)
    box.put_records(harvest(error=[{"n": "small"}, {"n": "".join(map(str, range(9000)))}]))

    box.breaker.succeeded()
    assert box.send(store, 3000)  # type: ignore[arg-type]

    assert sums(store.taken) == {"m": 1}
    assert [row["n"] for batch in store.taken for row in batch.records.get("error", [])] == ["small"]
    assert box.dropped["quarantined"] == 1
