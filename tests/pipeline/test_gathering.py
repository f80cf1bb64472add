"""Batches of many processes are merged before they are committed; a group that was begun is gone on with exactly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Batch, Delta, pack_batch
from artisan_monitoring.core.series import Series
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.pipeline import drain as drain_module
from artisan_monitoring.pipeline.drain import drain_shard
from artisan_monitoring.pipeline.gathering import entries_of, mark, rows_done
from artisan_monitoring.pipeline.jobs import jobs
from artisan_monitoring.stores.base import Commit, Entry, Store, shard_of
from tests.stores.backends import Backend
from tests.stores.build import added, counter, delta, gauge, observed
from tests.stores.conftest import backend, postgres_alias, sqlite_alias  # noqa: F401  # the fixtures

LIMIT = 10_000_000
SERIES = [counter(route=str(number)) for number in range(30)]


class Worker:
    """A process that sends batches to one shard: the first, whatever shard its series belong to."""

    def __init__(self, store: Store, process: str) -> None:
        self.store, self.process, self.shard = store, process, 0
        self.sequence = self.observations = 0
        self.epoch = ""

    def send(self, deltas: Sequence[Delta]) -> None:
        self.sequence += 1
        count = sum(each.cell.count for each in deltas)
        batch = Batch(self.process, self.sequence, self.shard, self.epoch, 0.0, count, self.observations, list(deltas))
        self.observations += count
        payload = pack_batch(batch)
        self.epoch = self.store.append(self.shard, self.process, self.sequence, payload, limit_bytes=LIMIT).epoch


def each_series(value: int = 1, series: Sequence[Series] = SERIES) -> list[Delta]:
    return [delta(each, added(value)) for each in series]


def sums(store: Store) -> dict[str, float]:
    """Sums of the totals by series; those of the cells are held to be the same."""
    totals = {each.series.id: each.cell.sum for each in store.totals()}
    in_cells: dict[str, float] = {}
    for bucket in store.buckets(list(totals), delta(SERIES[0], added(1)).start, store.now() + 3600):
        in_cells[bucket.series_id] = in_cells.get(bucket.series_id, 0) + bucket.cell.sum
    assert in_cells == totals
    return totals


def all_at(value: float, series: Sequence[Series] = SERIES) -> dict[str, float]:
    return {each.id: value for each in series}


def commits_of(store: Store, patch: pytest.MonkeyPatch, fail_at: int = 0) -> list[Commit]:
    """Keep what is committed; the commit of that number fails, and all behind it."""
    done: list[Commit] = []
    really_commit = store.commit

    def commit(wanted: Commit) -> None:
        if fail_at and len(done) + 1 >= fail_at:
            raise StoreUnavailable("killed")
        really_commit(wanted)
        done.append(wanted)

    patch.setattr(store, "commit", commit)
    return done


def test_the_same_cells_of_many_workers_are_one_commit(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    store = backend.store
    for number in range(12):
        Worker(store, f"w{number}").send(each_series(number))
    done = commits_of(store, monkeypatch)
    drain_shard(store, 0)
    assert [len(each.deltas) for each in done] == [len(SERIES)]
    assert sums(store) == all_at(sum(range(12)))
    assert {each.sequence for each in store.producers(0, [f"w{n}" for n in range(12)]).values()} == {1}
    assert store.losses() == {}


def test_a_drainer_that_dies_inside_a_group_leaves_it_to_be_gone_on_with(
    backend: Backend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = backend.store
    workers = [Worker(store, f"w{number}") for number in range(3)]
    queue = gauge()
    monkeypatch.setattr(drain_module, "ROWS_PER_COMMIT", 7)
    for number, worker in enumerate(workers):
        cell = Cell()
        cell.set(number, delta(queue, added(1)).start + number)
        worker.send([*each_series(2), delta(queue, cell)])
    with monkeypatch.context() as patch:
        done = commits_of(store, patch, fail_at=3)
        with pytest.raises(StoreUnavailable):
            drain_shard(store, 0)
        assert len(done) == 2
    assert store.cursor(0).offset
    assert store.inbox_stats(0).entries == 3

    workers[0].send(each_series(5))  # comes behind the group that was begun, and is none of it
    other = backend.new_store()
    drain_shard(other, 0)
    drain_shard(other, 0)

    found = sums(store)
    assert found.pop(queue.id) == 0 + 1 + 2
    assert found == all_at(3 * 2 + 5)
    assert {each.process: each.value for each in store.gauges([queue.id])[queue.id]} == {"w0": 0, "w1": 1, "w2": 2}
    assert store.cursor(0).offset == 0
    assert store.inbox_stats(0).entries == 0
    assert store.losses() == {}


def test_a_group_begun_by_a_version_that_reads_more_at_once(
    backend: Backend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = backend.store
    for number in range(6):
        Worker(store, f"w{number}").send(each_series())
    with monkeypatch.context() as patch:
        patch.setattr(drain_module, "ROWS_PER_COMMIT", 10)
        commits_of(store, patch, fail_at=2)
        with pytest.raises(StoreUnavailable):
            drain_shard(store, 0)
    monkeypatch.setattr(drain_module, "READ_BYTES", 10)  # a single entry a read
    drain_shard(store, 0)
    assert sums(store) == all_at(6)
    assert store.losses() == {}


def test_what_fills_an_inbox_anew_is_not_taken_for_the_group_that_was_begun(
    backend: Backend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The inbox alone is evicted while a group is half committed: its rest is lost and counted, the new is whole."""
    store, worker = backend.store, Worker(backend.store, "w")
    worker.send(each_series())
    with monkeypatch.context() as patch:
        patch.setattr(drain_module, "ROWS_PER_COMMIT", 10)
        commits_of(store, patch, fail_at=2)
        with pytest.raises(StoreUnavailable):
            drain_shard(store, 0)
    evict_inbox(backend)
    worker.send(each_series())
    drain_shard(store, 0)
    totals = {each.series.id: each.cell.sum for each in store.totals()}
    assert set(totals) == {each.id for each in SERIES}
    assert all(each >= 1 for each in totals.values()), "nothing of the second batch was skipped"
    assert store.losses() == {"gap": 30}


def evict_inbox(backend: Backend) -> None:  # noqa: F811
    if not backend.is_database:
        store: Any = backend.store
        store.client.call("DEL", store._of(0).inbox)
        return
    from artisan_monitoring.conf import get_settings
    from artisan_monitoring.models import InboxEntry
    from artisan_monitoring.stores.connection import own_connection

    alias = get_settings().DATABASE
    with own_connection(alias):
        InboxEntry.objects.using(alias).all().delete()


def test_what_a_database_refuses_is_lost_alone(backend: Backend) -> None:  # noqa: F811
    """A name too long for PostgreSQL's column, which no process of ours sends, among 30 that it takes."""
    store = backend.store
    long = counter("m" * 300)
    Worker(store, "w").send([*each_series(3), delta(long, added(7, 7))])
    drain_shard(store, 0)
    found = sums(store)
    found.pop(long.id, None)
    assert found == all_at(3)
    assert store.losses() in ({}, {"refused": 2})
    assert store.inbox_stats(0).entries == 0
    assert store.producers(0, ["w"])["w"].observations == 32
    known = {each.id for each in store.series()}
    assert (long.id in known) == (store.losses() == {})


def test_halving_counts_no_late_minute_twice(backend: Backend) -> None:  # noqa: F811
    """Minutes of an hour long over go into the same slot: merged for a commit that is then refused, they stay what
    they were.
    """
    store = backend.store
    late = counter("late")
    minutes = [delta(late, added(1), minute=number - 1800) for number in range(20)]
    Worker(store, "w").send([*minutes, *each_series(3), delta(counter("m" * 300), added(7))])
    drain_shard(store, 0)
    assert [each.cell.sum for each in store.totals("late")] == [20]
    totals = {each.series.id: each.cell.sum for each in store.totals("orders")}
    assert totals == all_at(3)
    assert store.losses() in ({"time_late": 19}, {"time_late": 19, "refused": 1})


def test_histograms_and_exemplars_of_many_workers_merge(backend: Backend) -> None:  # noqa: F811
    store = backend.store
    times = Series("duration", "distribution", "s", ())
    for number in range(5):
        cell = observed(0.01 * (number + 1), 0.5)
        cell.exemplars = {0: (0.01 * (number + 1), 1.0, {"trace_id": str(number)})}
        Worker(store, f"w{number}").send([delta(times, cell)])
    drain_shard(store, 0)
    (total,) = store.totals("duration")
    assert (total.cell.count, total.cell.max) == (10, 0.5)
    assert total.cell.exemplars == {0: (0.05, 1.0, {"trace_id": "4"})}


def test_drainers_that_run_at_once_share_the_shards(
    backend: Backend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each begins somewhere, and where two meet one goes on: all is applied once, and both come to an end."""
    monkeypatch.setattr(drain_module, "ROWS_PER_COMMIT", 5)
    monkeypatch.setattr(drain_module, "READ_BYTES", 2000)
    shards = backend.store.shards
    assert jobs()["drain"].at_once(backend.store) == shards
    for number in range(20):
        for shard in range(shards):
            worker = Worker(backend.store, f"w{number}")
            worker.shard = shard
            worker.send(each_series(series=[each for each in SERIES if shard_of(each, shards) == shard]))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            drain_module.drain()
        except BaseException as exc:
            failures.append(exc)

    monkeypatch.setattr(drain_module, "get_store", backend.new_store)
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run()
    assert failures == []
    assert sums(backend.store) == all_at(20)
    assert sum(backend.store.inbox_stats(shard).entries for shard in range(shards)) == 0
    assert backend.store.losses() == {}


def entry(position: int) -> Entry:
    return Entry(position, "w", 1, b"")


@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=50, unique=True), st.integers(1, 10_000_000))
def test_a_mark_tells_its_own_group_and_fits_a_column(positions: list[int], done: int) -> None:
    entries = [entry(each) for each in sorted(positions)]
    offset = mark(entries, done)
    assert 0 < offset < 2**63
    assert entries_of(offset) == len(entries)
    assert rows_done(entries, offset) == done
    assert rows_done(entries[:-1], offset) == 0
    assert rows_done([*entries[:-1], entry(entries[-1].position + 1)], offset) == 0
    assert entries_of(0) == rows_done(entries, 0) == 0
