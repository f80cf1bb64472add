"""Every fault between the inbox and its effects, on every store: after each, every count is right or counted lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from artisan_monitoring.core.packing import Batch, Delta, pack_batch
from artisan_monitoring.exceptions import InboxFull, StoreUnavailable
from artisan_monitoring.pipeline import sinks
from artisan_monitoring.pipeline.drain import drain_shard
from artisan_monitoring.stores.base import Commit, Store, shard_of
from tests.stores.backends import Backend
from tests.stores.build import added, counter, delta, sum_of, total
from tests.stores.conftest import backend, postgres_alias, sqlite_alias  # noqa: F401  # the fixtures

LIMIT = 10_000_000
ORDERS = counter(shop="a")
rows: list[str] = []


def take(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Keep what was drained in a table of the package, so that a rollback takes it back."""
    from artisan_monitoring.models import QuarantinedRecord

    QuarantinedRecord.objects.using(using).bulk_create(
        QuarantinedRecord(kind="taken", process="", reason="", record=record["n"]) for record in records
    )


def taken() -> list[str]:
    from artisan_monitoring.conf import get_settings
    from artisan_monitoring.models import QuarantinedRecord
    from artisan_monitoring.stores.connection import own_connection

    using = get_settings().DATABASE
    with own_connection(using):
        found = QuarantinedRecord.objects.using(using).filter(kind="taken").order_by("record")
        return list(found.values_list("record", flat=True))


@pytest.fixture(autouse=True)
def _sink() -> Iterator[None]:
    sinks.register_sink("test", f"{__name__}.take")
    yield
    sinks._sinks.pop("test", None)


@pytest.fixture
def shard(backend: Backend) -> int:  # noqa: F811
    return shard_of(ORDERS, backend.store.shards)


class Sender:
    """A process that sends numbered batches of `size` observations of one counter and one record each."""

    def __init__(self, store: Store, shard: int, process: str = "web") -> None:
        self.store, self.shard, self.process = store, shard, process
        self.sequence = self.observations = 0
        self.epoch = ""

    def batch(self, size: int = 1, deltas: Sequence[Delta] | None = None) -> bytes:
        self.sequence += 1
        if deltas is None:
            deltas = [delta(ORDERS, added(*[1] * size), minute=self.sequence % 60)]
        count = sum(each.cell.count for each in deltas) + 1
        batch = Batch(
            self.process, self.sequence, self.shard, self.epoch, self.store.now(), count, self.observations,
            list(deltas), {"test": [{"n": f"{self.process} {self.sequence:03}"}]},
        )  # fmt: skip
        self.observations += count
        return pack_batch(batch)

    def send(self, size: int = 1, deltas: Sequence[Delta] | None = None) -> None:
        payload = self.batch(size, deltas)
        self.epoch = self.store.append(self.shard, self.process, self.sequence, payload, limit_bytes=LIMIT).epoch


def assert_drained(store: Store, shard: int, count: int, records: int) -> None:
    """Everything is applied once, in slots, totals and rows, and the inbox is empty."""
    assert sum_of(store, ORDERS) == count
    assert total(store, ORDERS).sum == count
    assert len(taken()) == len(set(taken())) == records
    assert store.inbox_stats(shard).entries == 0
    assert store.losses() == {}


def test_a_crash_between_the_effects_and_the_deletion(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    for _ in range(5):
        sender.send(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "trim", lambda *args: (_ for _ in ()).throw(StoreUnavailable("killed")))
        with pytest.raises(StoreUnavailable):
            drain_shard(store, shard)
    assert store.inbox_stats(shard).entries == 5
    drain_shard(backend.new_store(), shard)
    assert_drained(store, shard, 15, 5)


def test_a_crash_between_the_two_consumers(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    for _ in range(3):
        sender.send()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "artisan_monitoring.pipeline.drain.consume_records",
            lambda *args: (_ for _ in ()).throw(StoreUnavailable("killed")),
        )
        with pytest.raises(StoreUnavailable):
            drain_shard(store, shard)
    assert taken() == []
    drain_shard(store, shard)
    assert_drained(store, shard, 3, 3)


def test_a_drainer_paused_past_its_lease_then_resumed(backend: Backend, shard: int) -> None:  # noqa: F811
    """The first prepares its commit and stops; the second drains it all and more comes; the first goes on."""
    store, sender = backend.store, Sender(backend.store, shard)
    for _ in range(4):
        sender.send(2)
    paused, resume, failures = threading.Event(), threading.Event(), []

    def drain_slowly() -> None:
        mine = backend.new_store()
        really_commit = mine.commit

        def commit(wanted: Commit) -> None:
            paused.set()
            assert resume.wait(20)
            really_commit(wanted)

        mine.commit = commit
        try:
            drain_shard(mine, shard)
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=drain_slowly)
    thread.start()
    assert paused.wait(20)
    drain_shard(store, shard)
    sender.send(7)
    resume.set()
    thread.join()
    assert failures == []
    drain_shard(store, shard)
    assert_drained(store, shard, 15, 5)


def test_two_drainers_at_once(backend: Backend, shard: int) -> None:  # noqa: F811
    senders = [Sender(backend.store, shard, f"web-{number}") for number in range(3)]
    failures: list[BaseException] = []
    done = threading.Event()

    def keep_draining() -> None:
        mine = backend.new_store()
        try:
            while not done.is_set():
                drain_shard(mine, shard)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=keep_draining) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(12):
        for sender in senders:
            sender.send(2)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    drain_shard(backend.store, shard)
    assert_drained(backend.store, shard, 72, 36)


def add_slowly(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Read a row, take a while, and write it back with the records added: what a sink that counts does."""
    from artisan_monitoring.models import QuarantinedRecord

    rows = QuarantinedRecord.objects.using(using)
    row = rows.filter(kind="sum").first() or rows.create(kind="sum", process="", reason="", record="0")
    time.sleep(0.2)
    row.record = str(int(row.record) + len(records))
    row.save(using=using)


def test_drainers_of_two_shards_lose_none_of_each_others_records(backend: Backend) -> None:  # noqa: F811
    from artisan_monitoring.conf import get_settings
    from artisan_monitoring.models import QuarantinedRecord
    from artisan_monitoring.stores.connection import own_connection

    sinks.register_sink("test", f"{__name__}.add_slowly")
    using = get_settings().DATABASE
    for number in (0, 1):
        Sender(backend.store, number, "first").send()
        drain_shard(backend.store, number)
        Sender(backend.store, number, "second").send()
    threads = [threading.Thread(target=drain_shard, args=(backend.store, number)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with own_connection(using):
        assert QuarantinedRecord.objects.using(using).get(kind="sum").record == "4"


def test_a_lost_answer_to_the_append_and_then_the_retry(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    sender.send(2)
    payload = sender.batch(5)
    with backend.losing_reply() as cut, pytest.raises(StoreUnavailable):
        cut.append(shard, "web", sender.sequence, payload, limit_bytes=LIMIT)
    drain_shard(store, shard)
    assert store.append(shard, "web", sender.sequence, payload, limit_bytes=LIMIT).duplicate
    sender.send(1)
    drain_shard(store, shard)
    assert_drained(store, shard, 8, 3)


def test_a_lost_answer_to_a_commit(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    sender.send(4)
    with backend.losing_reply() as cut, pytest.raises(StoreUnavailable):
        drain_shard(cut, shard)
    drain_shard(store, shard)
    assert_drained(store, shard, 4, 1)


def test_a_value_that_no_store_can_hold_is_counted_and_the_rest_goes_on(
    backend: Backend,  # noqa: F811
    shard: int,
) -> None:
    store, sender = backend.store, Sender(backend.store, shard)
    bad = added(1)
    bad.count, bad.sum = 2**62, 1e308
    sender.send(2)
    sender.send(deltas=[delta(ORDERS, bad)])
    drain_shard(store, shard)
    sender.send(deltas=[delta(ORDERS, bad.copy())])
    sender.send(deltas=[delta(counter(shop="b"), added(1))])
    drain_shard(store, shard)
    assert store.inbox_stats(shard).entries == 0
    assert len(taken()) == 4
    assert total(store, counter(shop="b")).sum == 1
    held = total(store, ORDERS).count
    lost = store.losses()
    # Two of 2**62 fit no 64 bits: what does not is counted lost, in full.
    assert held + sum(lost.values()) >= 2 + 2**62
    assert lost


def test_a_wiped_store_is_noticed_and_the_loss_counted(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    sender.send(3)
    drain_shard(store, shard)
    sender.send(5)
    backend.wipe()
    sender.send(7)
    drain_shard(store, shard)
    assert sum_of(store, ORDERS) == total(store, ORDERS).sum == 7
    assert store.losses() == {"wiped": 3 + 5 + 2}, "both batches with their records were in the store that was wiped"
    sender.send(1)
    drain_shard(store, shard)
    assert store.losses() == {"wiped": 10}


def test_a_store_wiped_while_a_drainer_is_at_work(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    sender.send(3)
    really_commit = store.commit
    with pytest.MonkeyPatch.context() as patch:

        def commit(wanted: Commit) -> None:
            backend.wipe()
            really_commit(wanted)

        patch.setattr(store, "commit", commit)
        drain_shard(store, shard)
    assert store.series() == []
    sender.send(4)
    drain_shard(store, shard)
    assert sum_of(store, ORDERS) == 4
    assert store.losses() == {"wiped": 4}


def test_a_full_inbox_holds_nothing_it_did_not_take(backend: Backend, shard: int) -> None:  # noqa: F811
    store, sender = backend.store, Sender(backend.store, shard)
    sender.send(3)
    payload = sender.batch(2)
    with pytest.raises(InboxFull):
        store.append(shard, "web", sender.sequence, payload, limit_bytes=len(payload))
    drain_shard(store, shard)
    assert not store.append(shard, "web", sender.sequence, payload, limit_bytes=len(payload)).duplicate
    drain_shard(store, shard)
    assert_drained(store, shard, 5, 2)
