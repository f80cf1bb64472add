"""The drain applies every batch once, counts what is missing, and sets aside what no sink can store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import DataError, OperationalError

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Batch, Delta, pack_batch
from artisan_monitoring.core.series import Series
from artisan_monitoring.exceptions import StoreRefused, StoreUnavailable
from artisan_monitoring.models import ConsumerCursor, InboxEntry, InboxState, QuarantinedRecord
from artisan_monitoring.pipeline import sinks
from artisan_monitoring.pipeline.drain import drain, drain_shard
from artisan_monitoring.pipeline.records import consume_records
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Commit, Entry, Store

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

LIMIT = 10_000_000
taken: list[dict[str, Any]] = []


def take(records: Sequence[dict[str, Any]], *, using: str) -> None:
    assert using == "monitoring"
    names = [record["n"] for record in records]
    if "bad" in names:
        raise DataError("no store can hold it")
    if "later" in names:
        raise OperationalError("locked")
    taken.extend(records)


@pytest.fixture
def store() -> Iterator[Store]:
    taken.clear()
    sinks.register_sink("test", f"{__name__}.take")
    yield get_store()
    sinks._sinks.pop("test", None)


def counter(name: str = "m", minute: int = 0, value: float = 1, kind: str = "counter") -> Delta:
    cell = Cell()
    cell.add(value)
    return Delta(Series(name, kind, "count", ()), minute, 60, cell)  # type: ignore[arg-type]


def append(
    store: Store, sequence: int, deltas: Sequence[Delta] = (), *, process: str = "p", before: int = 0, epoch: str = "",
    shard: int = 0, **records: list[dict[str, Any]],
) -> None:  # fmt: skip
    count = sum(delta.cell.count for delta in deltas) + sum(map(len, records.values()))
    batch = Batch(process, sequence, shard, epoch, store.now(), count, before, list(deltas), dict(records))
    store.append(shard, process, sequence, pack_batch(batch), limit_bytes=LIMIT)


def minute(store: Store, back: int = 0) -> int:
    return int(store.now()) // 60 * 60 - 60 * back


def total(store: Store, name: str = "m") -> float:
    return sum(each.cell.sum for each in store.totals(name))


def in_buckets(store: Store, name: str = "m") -> float:
    ids = [each.id for each in store.series(name)]
    return sum(each.cell.sum for each in store.buckets(ids, 0, store.now() + 3600))


def test_batches_become_cells_totals_and_rows_and_leave_the_inbox(store: Store) -> None:
    append(store, 1, [counter(minute=minute(store)), counter("other", minute(store))], test=[{"n": 1}, {"n": 2}])
    append(store, 2, [counter(minute=minute(store), value=4)], before=4)

    assert drain() == 2
    assert (total(store), in_buckets(store), total(store, "other")) == (5, 5, 1)
    assert [(each["n"], each["process"]) for each in taken] == [(1, "p"), (2, "p")]
    assert store.inbox_stats(0).entries == 0
    assert store.losses() == {}
    assert drain() == 0


def test_more_deltas_than_a_commit_takes_are_all_applied(store: Store) -> None:
    now = minute(store)
    append(store, 1, [counter(f"m{number}", now) for number in range(1_203)])
    append(store, 2, [counter(f"m{number}", now) for number in range(300)], before=1_203)

    drain()

    assert sum(each.cell.sum for each in store.totals()) == 1_503


def test_a_bad_record_is_set_aside_and_the_others_are_stored(store: Store) -> None:
    append(store, 1, test=[{"n": n} for n in (1, 2, "bad", 3, "bad", 4)])

    drain()

    assert [each["n"] for each in taken] == [1, 2, 3, 4]
    assert QuarantinedRecord.objects.filter(kind="test").count() == 2
    assert store.inbox_stats(0).entries == 0


def test_a_passing_fault_changes_nothing_and_the_next_run_goes_on(store: Store) -> None:
    rows: list[dict[str, Any]] = [{"n": 1}, {"n": "later"}]
    append(store, 1, [counter(minute=minute(store))], test=rows)
    with pytest.raises(StoreUnavailable):
        drain()
    assert ConsumerCursor.objects.get().position == 0
    assert QuarantinedRecord.objects.count() == 0

    taken.clear()
    sinks.register_sink("test", f"{__name__}.take_all")
    drain()

    assert [each["n"] for each in taken] == [1, "later"]
    assert total(store) == 1


def test_metrics_go_on_in_every_shard_while_the_database_takes_no_records(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"n": "later"}]
    for shard in (0, 1):
        for sequence in range(1, 6):
            append(store, sequence, [counter(minute=minute(store))], shard=shard, before=2 * sequence - 2, test=rows)
    monkeypatch.setattr(type(store), "reading_shards", lambda self: (0, 1))
    monkeypatch.setattr("artisan_monitoring.pipeline.drain.READ_BYTES", 1)  # one entry a read

    with pytest.raises(StoreUnavailable):
        drain()

    assert total(store) == 10
    assert [store.inbox_stats(shard).entries for shard in (0, 1)] == [5, 5]

    sinks.register_sink("test", f"{__name__}.take_all")
    taken.clear()
    assert drain() == 10
    assert (total(store), len(taken)) == (10, 10)


def take_all(records: Sequence[dict[str, Any]], *, using: str) -> None:
    taken.extend(records)


def test_records_that_nobody_takes_are_set_aside(store: Store) -> None:
    append(store, 1, unknown=[{"n": 1}])

    drain()

    assert QuarantinedRecord.objects.get().kind == "unknown"


def test_a_crash_before_the_deletion_applies_nothing_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, 1, [counter(minute=minute(store))], test=[{"n": 1}])

    def crash(*args: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(type(store), "trim", crash)
        drain_shard(store, 0)
    assert store.inbox_stats(0).entries == 1

    drain_shard(store, 0)

    assert (total(store), in_buckets(store), len(taken)) == (1, 1, 1)
    assert store.inbox_stats(0).entries == 0


def test_a_gap_in_a_process_batches_is_counted_as_a_loss(store: Store) -> None:
    append(store, 1, [counter(minute=minute(store))])
    drain()
    append(store, 5, [counter(minute=minute(store))], before=41)
    drain()

    assert store.losses() == {"gap": 40}


def test_what_was_sent_to_a_store_that_is_gone_is_counted_as_a_loss(store: Store) -> None:
    append(store, 9, [counter(minute=minute(store))], before=77, epoch="another store's")

    drain()

    assert store.losses() == {"wiped": 77}


def test_what_a_store_forgot_with_the_process_that_sent_it_is_counted_as_a_loss(store: Store) -> None:
    # Set back to a snapshot older than the process: the epoch is the same, and nobody knows the process.
    append(store, 9, [counter(minute=minute(store))], before=50, epoch=store.cursor(0).epoch)
    # Its first batches were numbered together, before it knew an epoch; the first went with the old store.
    append(store, 2, [counter(minute=minute(store))], process="q", before=3)

    drain()

    assert store.losses() == {"gap": 50, "wiped": 3}


def test_the_size_of_a_process_first_batch_shows_though_nobody_could_read_it(store: Store) -> None:
    store.append(0, "p", 1, b"garbage", limit_bytes=LIMIT)
    append(store, 2, [counter(minute=minute(store))], before=7, epoch=store.cursor(0).epoch)

    drain()

    assert store.losses() == {"corrupt_batches": 1, "gap": 7}


def test_a_corrupt_batch_is_counted_and_the_others_go_on(store: Store) -> None:
    store.append(0, "q", 1, b"garbage", limit_bytes=LIMIT)
    append(store, 1, [counter(minute=minute(store))])

    drain()

    assert total(store) == 1
    assert store.losses() == {"corrupt_batches": 1}
    assert store.inbox_stats(0).entries == 0


def test_minutes_far_ahead_or_behind_are_moved_and_counted(store: Store) -> None:
    now = minute(store)
    append(
        store, 1,
        [counter("ahead", now + 3600), counter("late", now - 2 * 86_400), counter("too_old", now - 9 * 86_400)],
    )  # fmt: skip

    drain()

    losses = store.losses()
    assert losses.pop("time_late", None) in (1, None)  # none where the minute begins its hour
    assert losses == {"time_ahead": 1, "too_old": 1}
    (ahead,) = store.buckets([each.id for each in store.series("ahead")], 0, now + 7200)
    (late,) = store.buckets([each.id for each in store.series("late")], 0, now + 7200)
    assert now <= ahead.start <= now + 60
    assert (late.start % 3600, late.width) == (0, 3600)
    assert store.series("too_old") == []


def test_what_no_store_can_hold_is_counted_and_the_others_go_on(store: Store) -> None:
    infinite = counter("infinite", minute(store), float("inf"))
    bad = [counter("nul\x00", minute(store)), counter("half\ud83d", minute(store)), infinite, counter("m", -60)]
    append(store, 1, [*bad, counter(minute=minute(store)), counter("whole 😀", minute(store))])

    drain()

    assert (total(store), total(store, "whole 😀"), store.losses()) == (1, 1, {"unstorable": 4})
    assert store.inbox_stats(0).entries == 0


def test_a_commit_that_is_refused_for_good_does_not_stop_the_river(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, 1, [counter(minute=minute(store))])
    commit, refused = type(store).commit, []

    def refuse_deltas(self: Store, work: Commit) -> None:
        if work.deltas:
            refused.append(work)
            raise StoreRefused
        commit(self, work)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "commit", refuse_deltas)
        drain()

    assert len(refused) == 1
    assert store.losses() == {"refused": 1}
    assert store.inbox_stats(0).entries == 0


def test_a_gauge_keeps_each_process_last_value(store: Store) -> None:
    for process, value, at in (("p", 5.0, 10.0), ("q", 7.0, 11.0)):
        cell = Cell()
        cell.set(value, store.now() - at)
        delta = Delta(Series("g", "gauge", "1", (), "sum"), minute(store), 60, cell)
        append(store, 1, [delta], process=process)
    drain()

    (series,) = store.series("g")
    assert {each.process: each.value for each in store.gauges([series.id])[series.id]} == {"p": 5.0, "q": 7.0}


def test_listeners_hear_of_the_kinds_that_were_committed(store: Store) -> None:
    heard.clear()
    sinks.on_drained("test", f"{__name__}.hear")
    append(store, 1, [counter(minute=minute(store))])
    drain()
    assert heard == []

    append(store, 2, before=1, test=[{"n": 1}])
    drain()
    assert heard == [True]
    sinks._listeners["test"].discard(f"{__name__}.hear")


heard: list[bool] = []


def hear() -> None:
    heard.append(True)


def test_a_drainer_paused_across_a_wipe_does_not_bring_the_old_epoch_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, 1, test=[{"n": "wiped"}])
    entries, reads = type(store).entries, []

    def wiped_before_the_second_read(self: Store, shard: int, after: int, *, limit_bytes: int) -> list[Entry]:
        reads.append(after)
        if len(reads) == 2:  # the paused drainer has read the old epoch, and not yet what it will apply
            InboxEntry.objects.all().delete()
            InboxState.objects.all().delete()
            append(store, 1, process="q", test=[{"n": "after"}])
        return entries(self, shard, after, limit_bytes=limit_bytes)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "entries", wiped_before_the_second_read)
        consume_records(store, 0, LIMIT)
    drain()

    assert [each["n"] for each in taken] == ["after"]
