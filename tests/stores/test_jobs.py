"""The contract of leases, outcomes of jobs, and notes."""

from __future__ import annotations

import threading
import time

import pytest

from artisan_monitoring.exceptions import StoreRefused
from artisan_monitoring.stores.base import JobRun, Store

from .backends import Backend


def test_a_lease_is_held_by_one(store: Store) -> None:
    lease = store.acquire_lease("drain", "web-1", 30)
    assert lease is not None
    assert (lease.name, lease.holder) == ("drain", "web-1")
    assert store.acquire_lease("drain", "web-2", 30) is None
    assert store.acquire_lease("purge", "web-2", 30) is not None, "another job"


def test_tokens_grow_with_each_lease(store: Store) -> None:
    tokens = []
    for holder in ("a", "b", "a", "c"):
        lease = store.acquire_lease("drain", holder, 30)
        assert lease is not None
        tokens.append(lease.token)
        store.release_lease(lease)
    assert tokens == sorted(set(tokens))


def test_a_lease_runs_out_by_the_clock_of_the_store(store: Store) -> None:
    first = store.acquire_lease("drain", "web-1", 0.3)
    assert store.acquire_lease("drain", "web-2", 30) is None
    time.sleep(0.35)
    second = store.acquire_lease("drain", "web-2", 30)
    assert first is not None
    assert second is not None
    assert second.token > first.token
    store.release_lease(first)
    assert store.acquire_lease("drain", "web-3", 30) is None, "a holder that woke up late ends nobody else's lease"


def test_a_holder_renews_its_own_lease(store: Store) -> None:
    first = store.acquire_lease("drain", "web-1", 30)
    again = store.acquire_lease("drain", "web-1", 30)
    assert first is not None
    assert again is not None
    assert again.token > first.token
    store.release_lease(first)
    assert store.acquire_lease("drain", "web-2", 30) is None, "the older token no longer ends it"
    store.release_lease(again)
    assert store.acquire_lease("drain", "web-2", 30) is not None


def test_of_many_that_ask_at_once_one_gets_it(backend: Backend) -> None:
    barrier, won, failures = threading.Barrier(5), [], []

    def ask(holder: str) -> None:
        store = backend.new_store()
        try:
            store.now()
            barrier.wait(10)
            won.append(store.acquire_lease("drain", holder, 30))
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=ask, args=(f"web-{number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len([lease for lease in won if lease]) == 1


def test_outcomes_of_runs_are_kept(store: Store) -> None:
    assert store.job_records() == {}
    store.acquire_lease("purge", "web-1", 30)
    assert store.job_records() == {}, "a lease is not a run"
    store.record_job(JobRun("drain", "celery", 1000.5, 0.25))
    store.record_job(JobRun("drain", "housekeeper", 2000.5, 0.5, "ValueError: \x00 \ud800 broke"))
    record = store.job_records()["drain"]
    assert (record.runs, record.failures, record.runner) == (2, 1, "housekeeper")
    assert (record.last_start, record.last_success, record.last_duration_s) == (2000.5, 1000.75, 0.5)
    assert "broke" in record.last_error
    store.record_job(JobRun("drain", "process", 3000.0, 1.0))
    record = store.job_records()["drain"]
    assert (record.last_success, record.last_error, record.failures) == (3001.0, "", 1)


def test_recording_a_run_leaves_the_lease(store: Store) -> None:
    store.acquire_lease("drain", "web-1", 30)
    store.record_job(JobRun("drain", "process", 1.0, 1.0))
    assert store.acquire_lease("drain", "web-2", 30) is None


def test_notes_are_read_by_kind_and_replaced_by_name(store: Store) -> None:
    store.set_note("process", "web-1", {"lag": 1.5, "host": "ü\x00\ud800"}, 60)
    store.set_note("process", "web-2", {"list": [1, None, True]}, 60)
    store.set_note("beat", "web-1", {}, 60)
    store.set_note("process", "web-2", {"list": []}, 60)
    notes = store.notes("process")
    assert {name: note.value for name, note in notes.items()} == {
        "web-1": {"lag": 1.5, "host": "ü\x00\ud800"},
        "web-2": {"list": []},
    }
    assert all(0 <= note.age_s < 5 for note in notes.values())
    assert store.notes("unheard of") == {}


def test_notes_expire(store: Store) -> None:
    store.set_note("process", "short", {}, 0.2)
    store.set_note("process", "long", {}, 60)
    assert set(store.notes("process")) == {"short", "long"}
    time.sleep(0.25)
    assert set(store.notes("process")) == {"long"}
    time.sleep(0.05)
    assert store.notes("process")["long"].age_s >= 0.2


def test_a_long_note_does_not_die_with_a_short_one(store: Store) -> None:
    store.set_note("process", "long", {}, 60)
    store.set_note("process", "short", {}, 0.1)
    time.sleep(0.15)
    assert set(store.notes("process")) == {"long"}


def test_a_note_that_is_not_json_is_refused(store: Store) -> None:
    with pytest.raises(StoreRefused):
        store.set_note("process", "web", {"x": object()}, 60)
