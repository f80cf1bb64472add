"""People merge while errors come in: on SQLite and PostgreSQL no count is lost or doubled, whoever is first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from artisan_monitoring.conf import get_settings
from artisan_monitoring.core.packing import Batch, pack_batch
from artisan_monitoring.errors import merging, sink
from artisan_monitoring.errors.merging import CannotRegroup, merge, split, undo
from artisan_monitoring.errors.states import Actor
from artisan_monitoring.models import ErrorActivity, ErrorGroup, ErrorHourlyCount, Grouping
from artisan_monitoring.pipeline import sinks
from artisan_monitoring.pipeline.drain import drain_shard
from artisan_monitoring.stores.base import Store
from artisan_monitoring.stores.connection import own_connection
from tests.stores import backends
from tests.stores.conftest import postgres_alias, sqlite_alias  # noqa: F401  # the fixtures

from .test_sink import record

ANN = Actor("1", "ann")
LIMIT = 10_000_000


@pytest.fixture(params=["sqlite_alias", "postgres_alias"])
def store(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Store]:
    alias = request.getfixturevalue(request.param)
    with django_db_blocker.unblock(), backends.database_backend(alias, None) as found, own_connection(alias):
        yield found.store


class Process:
    """Sends batches of errors of given fingerprints."""

    def __init__(self, store: Store, name: str = "web") -> None:
        self.store, self.name = store, name
        self.sequence = self.observations = 0
        self.epoch = ""

    def send(self, *fingerprints: str) -> None:
        self.sequence += 1
        records = {"error": [record(each * 64) for each in fingerprints]}
        batch = Batch(
            self.name, self.sequence, 0, self.epoch, self.store.now(), len(fingerprints), self.observations, [], records
        )
        self.observations += len(fingerprints)
        self.epoch = self.store.append(0, self.name, self.sequence, pack_batch(batch), limit_bytes=LIMIT).epoch


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Run functions in threads that start at once; return what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            with own_connection(get_settings().DATABASE):
                work()
        except BaseException as exc:
            raised.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def group_of(fingerprint: str) -> ErrorGroup:
    return Grouping.objects.get(hash=fingerprint * 64).group


def counts() -> list[int]:
    return sorted(ErrorGroup.objects.values_list("count", flat=True))


def assert_sums_agree() -> None:
    for group in ErrorGroup.everything.all():
        hours = ErrorHourlyCount.objects.filter(group=group).values_list("count", flat=True)
        assert group.count == sum(hours)


def test_errors_that_come_while_people_merge_split_and_undo_are_all_counted(store):
    process = Process(store)
    process.send(*"abcd")
    drain_shard(store, 0)
    done = threading.Event()

    def send_and_drain() -> None:
        for _ in range(12):
            process.send(*"aabbcd")
            drain_shard(type(store)(), 0)
        done.set()

    def regroup() -> None:
        while not done.is_set():
            target = group_of("a")
            others = {group_of(name).pk for name in "bcd"} - {target.pk}
            time.sleep(0.02)  # people are not that quick, and SQLite has one writer
            if others:
                merge(target.pk, others, ANN)
            split(target.pk, [Grouping.objects.get(hash="b" * 64).pk], ANN)
            for activity in ErrorActivity.objects.filter(kind="merged").order_by("-pk"):
                if merging.can_undo(activity):
                    undo(activity.pk, ANN)

    assert together(send_and_drain, regroup) == []
    assert sum(counts()) == 4 + 12 * 6
    assert ErrorActivity.objects.filter(kind="merged").exists()
    assert_sums_agree()
    for group in ErrorGroup.objects.all():
        groupings = Grouping.objects.filter(group=group)
        tallies = [each.tally["count"] for each in groupings if each.tally is not None]
        assert not tallies or (len(tallies) == len(groupings) and sum(tallies) == group.count)


def test_a_merge_waits_for_a_drain_in_the_middle_and_loses_nothing(store, monkeypatch):
    process = Process(store)
    process.send("a", "b")
    drain_shard(store, 0)
    target, source = group_of("a").pk, group_of("b").pk
    in_the_middle, merging_now = threading.Event(), threading.Event()

    def apply_slowly(records: Sequence[dict[str, Any]], *, using: str) -> None:
        sink.apply(records, using=using)
        in_the_middle.set()
        # The merge has begun, and cannot have ended: this transaction holds what it waits for.
        assert merging_now.wait(10)

    monkeypatch.setattr(f"{__name__}.slow_sink", apply_slowly)
    sinks.register_sink("error", f"{__name__}.slow_sink")
    process.send("a", "b", "b")

    def merge_meanwhile() -> None:
        assert in_the_middle.wait(10)
        merging_now.set()
        merge(target, [source], ANN)

    try:
        assert together(lambda: drain_shard(type(store)(), 0), merge_meanwhile) == []
    finally:
        sinks.register_sink("error", "artisan_monitoring.errors.sink.apply")
    assert counts() == [5]
    process.send("b")
    drain_shard(store, 0)
    assert counts() == [6]
    assert_sums_agree()


def slow_sink(records: Sequence[dict[str, Any]], *, using: str) -> None:
    raise NotImplementedError("replaced by the test")


def test_of_two_people_who_merge_the_same_groups_one_is_told(store):
    process = Process(store)
    for _ in range(5):
        process.send(*"abc")
    drain_shard(store, 0)
    a, b, c = (group_of(name).pk for name in "abc")
    refused = together(lambda: merge(a, [b, c], ANN), lambda: merge(b, [a, c], ANN))
    assert [type(each) for each in refused] == [CannotRegroup]
    assert counts() == [15]
    assert ErrorActivity.objects.count() == 1
    assert_sums_agree()


def test_of_two_people_who_undo_the_same_merge_one_is_told(store):
    process = Process(store)
    process.send(*"ab")
    drain_shard(store, 0)
    activity = merge(group_of("a").pk, [group_of("b").pk], ANN)
    process.send("b")
    drain_shard(store, 0)
    refused = together(lambda: undo(activity.pk, ANN), lambda: undo(activity.pk, ANN))
    assert [type(each) for each in refused] == [CannotRegroup]
    assert counts() == [1, 2]
