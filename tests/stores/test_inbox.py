"""The contract of the inbox: once, in order, bounded."""

from __future__ import annotations

import threading

import pytest

from artisan_monitoring.exceptions import InboxFull, StoreRefused, StoreUnavailable
from artisan_monitoring.stores.base import Commit, InboxStats, Producer, Store

from .backends import Backend

LIMIT = 64 * 1024 * 1024


def payloads(store: Store, shard: int = 0, after: int = 0) -> list[bytes]:
    return [entry.payload for entry in store.entries(shard, after, limit_bytes=LIMIT)]


def test_a_batch_is_read_back_as_it_was_sent(store: Store) -> None:
    payload = bytes(range(256)) * 40
    answer = store.append(0, "web-1", 1, payload, limit_bytes=LIMIT)
    assert not answer.duplicate
    assert answer.waiting_bytes == len(payload)
    assert answer.epoch == store.cursor(0).epoch
    assert abs(answer.now - store.now()) < 5
    (entry,) = store.entries(0, 0, limit_bytes=LIMIT)
    assert (entry.process, entry.sequence, entry.payload) == ("web-1", 1, payload)
    assert entry.position > 0


def test_a_batch_sent_twice_is_there_once(store: Store) -> None:
    store.append(0, "web-1", 1, b"one", limit_bytes=LIMIT)
    again = store.append(0, "web-1", 1, b"one", limit_bytes=LIMIT)
    assert again.duplicate
    assert again.waiting_bytes == 3
    assert payloads(store) == [b"one"]


def test_an_older_sequence_number_is_a_duplicate_even_after_trimming(store: Store) -> None:
    for sequence in (1, 2):
        store.append(0, "web-1", sequence, b"x", limit_bytes=LIMIT)
    store.trim(0, store.entries(0, 0, limit_bytes=LIMIT)[-1].position, store.cursor(0).epoch)
    assert store.append(0, "web-1", 1, b"x", limit_bytes=LIMIT).duplicate
    assert not store.append(0, "web-1", 3, b"x", limit_bytes=LIMIT).duplicate
    assert payloads(store) == [b"x"]


def test_each_process_and_shard_has_a_guard_of_its_own(store: Store) -> None:
    last = store.shards - 1
    store.append(0, "web-1", 1, b"a", limit_bytes=LIMIT)
    assert not store.append(0, "web-2", 1, b"b", limit_bytes=LIMIT).duplicate
    assert store.append(last, "web-1", 1, b"c", limit_bytes=LIMIT).duplicate == (last == 0)


def test_retry_after_lost_reply_counts_once(backend: Backend) -> None:
    store = backend.store
    store.append(0, "web-1", 1, b"first", limit_bytes=LIMIT)
    with backend.losing_reply() as cut, pytest.raises(StoreUnavailable):
        cut.append(0, "web-1", 2, b"second", limit_bytes=LIMIT)
    answer = store.append(0, "web-1", 2, b"second", limit_bytes=LIMIT)
    assert answer.duplicate
    assert answer.waiting_bytes == len(b"firstsecond")
    assert payloads(store) == [b"first", b"second"]


def test_entries_come_in_order_and_behind_a_position(store: Store) -> None:
    for sequence in range(1, 21):
        store.append(0, f"web-{sequence % 3}", sequence, b"%d" % sequence, limit_bytes=LIMIT)
    entries = store.entries(0, 0, limit_bytes=LIMIT)
    assert [entry.sequence for entry in entries] == list(range(1, 21))
    positions = [entry.position for entry in entries]
    assert positions == sorted(set(positions))
    assert [entry.sequence for entry in store.entries(0, positions[14], limit_bytes=LIMIT)] == list(range(16, 21))
    assert store.entries(0, positions[-1], limit_bytes=LIMIT) == []


def test_a_read_is_bounded_but_gives_at_least_one_entry(store: Store) -> None:
    for sequence in range(1, 11):
        store.append(0, "web", sequence, b"x" * 1000, limit_bytes=LIMIT)
    assert len(store.entries(0, 0, limit_bytes=1)) == 1
    assert len(store.entries(0, 0, limit_bytes=3500)) == 3
    assert len(store.entries(0, 0, limit_bytes=10_000)) == 10


def test_a_full_inbox_says_so_and_takes_more_after_trimming(store: Store) -> None:
    store.append(0, "web-1", 1, b"x" * 600, limit_bytes=1000)
    with pytest.raises(InboxFull):
        store.append(0, "web-1", 2, b"x" * 600, limit_bytes=1000)
    assert store.inbox_stats(0).entries == 1
    assert not store.append(0, "web-1", 2, b"x" * 400, limit_bytes=1000).duplicate, "refused, so not counted as sent"
    assert store.append(0, "web-1", 2, b"x" * 400, limit_bytes=1000).duplicate, "a retry is answered when full too"
    first = store.entries(0, 0, limit_bytes=1)[0]
    assert store.trim(0, first.position, store.cursor(0).epoch) == 1
    assert store.append(0, "web-1", 3, b"x" * 600, limit_bytes=1000).waiting_bytes == 1000


def test_trimming_takes_what_is_at_or_before_a_position(store: Store) -> None:
    for sequence in range(1, 6):
        store.append(0, "web", sequence, b"x" * sequence, limit_bytes=LIMIT)
    positions = [entry.position for entry in store.entries(0, 0, limit_bytes=LIMIT)]
    epoch = store.cursor(0).epoch
    assert store.trim(0, positions[4], "another") == 0, "positions of another epoch say nothing about these entries"
    assert store.trim(0, positions[0] - 1, epoch) == 0
    assert store.trim(0, positions[2], epoch) == 3
    assert store.trim(0, positions[2], epoch) == 0, "again: nothing is taken off the bytes a second time"
    stats = store.inbox_stats(0)
    assert (stats.entries, stats.bytes) == (2, 9)
    assert store.trim(0, positions[4], epoch) == 2
    assert store.inbox_stats(0) == InboxStats(0, 0, 0.0)


def test_a_round_of_the_drain_begins_with_what_is_behind_the_cursor(store: Store) -> None:
    assert store.waiting(0, limit_bytes=LIMIT).total == 0
    for sequence in (1, 2, 3):
        store.append(0, "web", sequence, b"x", limit_bytes=LIMIT)
    store.append(0, "worker", 1, b"x", limit_bytes=LIMIT)
    began = store.waiting(0, limit_bytes=LIMIT)
    assert began.cursor == store.cursor(0)
    assert began.entries == store.entries(0, 0, limit_bytes=LIMIT)
    assert (began.total, began.producers) == (4, {})
    assert abs(began.now - store.now()) < 60

    after = began.cursor._replace(position=began.entries[1].position)
    store.commit(Commit(0, began.cursor, after, producers=[Producer("web", 2, 20)]))
    behind = store.waiting(0, limit_bytes=LIMIT)
    assert behind.cursor == after
    assert behind.entries == began.entries[2:]
    assert (behind.total, behind.producers) == (4, {"web": Producer("web", 2, 20)}), "the two before it still wait"


def test_stats_tell_the_age_of_the_oldest(store: Store) -> None:
    store.cursor(0)
    assert store.inbox_stats(0) == InboxStats(0, 0, 0.0)
    store.append(0, "web", 1, b"xyz", limit_bytes=LIMIT)
    stats = store.inbox_stats(0)
    assert (stats.entries, stats.bytes) == (1, 3)
    assert 0 <= stats.oldest_age_s < 5


@pytest.mark.parametrize(("process", "sequence"), [("web\ud800", 1), ("web", 2**70), ("web", -(2**70))])
def test_what_no_store_can_hold_is_refused(store: Store, process: str, sequence: int) -> None:
    with pytest.raises(StoreRefused):
        store.append(0, process, sequence, b"x", limit_bytes=LIMIT)
    assert payloads(store) == []
    assert not store.append(0, "web", 1, b"x", limit_bytes=LIMIT).duplicate


def test_many_processes_at_once_lose_and_double_nothing(backend: Backend) -> None:
    """What is visible at any time is a prefix of what will be: no position appears below one that was seen."""
    workers, each = 4, 15
    failures: list[BaseException] = []

    def work(name: str) -> None:
        store = backend.new_store()
        try:
            for sequence in range(1, each + 1):
                store.append(0, name, sequence, b"%d" % sequence, limit_bytes=LIMIT)
        except BaseException as exc:
            failures.append(exc)
        finally:
            if not backend.is_database:
                store.close()

    threads = [threading.Thread(target=work, args=(f"web-{number}",)) for number in range(workers)]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in threads):
        now = [entry.position for entry in backend.store.entries(0, 0, limit_bytes=LIMIT)]
        assert now[: len(seen)] == seen
        seen = now
    for thread in threads:
        thread.join()
    assert failures == []
    entries = backend.store.entries(0, 0, limit_bytes=LIMIT)
    assert len(entries) == workers * each
    for number in range(workers):
        mine = [entry.sequence for entry in entries if entry.process == f"web-{number}"]
        assert mine == list(range(1, each + 1))


def test_a_wiped_store_has_a_new_epoch_and_takes_batches(backend: Backend) -> None:
    store = backend.store
    before = store.append(0, "web", 7, b"x", limit_bytes=LIMIT).epoch
    backend.wipe()
    answer = store.append(0, "web", 8, b"y", limit_bytes=LIMIT)
    assert answer.epoch != before
    assert answer.waiting_bytes == 1
    assert payloads(store) == [b"y"]
    assert store.cursor(0).epoch == answer.epoch
