"""The housekeeper leads where nobody else does the jobs, leaves them to Celery while it does, yields to the host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.pipeline import housekeeper as module
from artisan_monitoring.pipeline import jobs, pacing, wake
from artisan_monitoring.pipeline.housekeeper import LEADER, Housekeeper, run_forever
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import JobRun
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

runs: list[tuple[str, str]] = []


def often() -> None:
    runs.append(("often", threading.current_thread().name))


def drain() -> None:
    runs.append(("drain", threading.current_thread().name))


def wait_for(condition: Callable[[], object], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, runs
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two jobs of our own, and no waiting."""
    runs.clear()
    monkeypatch.setattr(jobs, "_jobs", {})
    jobs.register_job("often", 0.1, f"{__name__}.often")
    jobs.register_job("drain", 600, f"{__name__}.drain")
    monkeypatch.setattr(module, "TICK_S", 0.02)
    monkeypatch.setattr(module, "FOLLOWER_LOOKS_EVERY_S", 0.05)
    monkeypatch.setattr(module.random, "uniform", lambda low, high: low)
    monkeypatch.setattr(wake, "_answered_age_s", wake.NOTE_TTL_S)
    with override_monitoring(IN_TESTS=True):
        yield


@pytest.fixture
def new_housekeeper() -> Iterator[Callable[[], Housekeeper]]:
    """A function that makes and starts one."""
    made: list[Housekeeper] = []

    def new() -> Housekeeper:
        made.append(Housekeeper())
        made[-1].start()
        return made[-1]

    yield new
    for each in made:
        each.stop(10)
        assert not each.running


def test_it_runs_what_is_due_and_says_who_it_was(new_housekeeper: Callable[[], Housekeeper]) -> None:
    mine = new_housekeeper()
    wait_for(lambda: runs.count(("often", "artisan-housekeeper")) >= 3)

    assert mine.leading
    assert runs.count(("drain", "artisan-housekeeper")) == 1
    assert {record.runner for record in get_store().job_records().values()} == {"housekeeper"}


def test_one_leads_and_another_takes_over_when_it_ends(
    new_housekeeper: Callable[[], Housekeeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "getpid", threading.get_ident)  # as if each were in a process of its own
    first = new_housekeeper()
    wait_for(lambda: first.leading)
    second = new_housekeeper()
    time.sleep(0.5)
    assert not second.leading

    first.stop(10)
    wait_for(lambda: second.leading)


def test_the_lease_of_one_that_was_killed_keeps_it_off_until_it_ends(
    new_housekeeper: Callable[[], Housekeeper],
) -> None:
    assert get_store().acquire_lease(LEADER, "killed", 0.7)
    mine = new_housekeeper()
    time.sleep(0.4)
    assert runs == []
    wait_for(lambda: mine.leading)


def test_it_leaves_to_celery_what_celery_does_and_takes_over_what_it_left(
    new_housekeeper: Callable[[], Housekeeper],
) -> None:
    store = get_store()
    jobs.register_job("often", 5, f"{__name__}.often")
    store.record_job(JobRun("often", "celery", store.now() - 6, 0.1))
    store.record_job(JobRun("drain", "celery", store.now() - 5 * 600, 0.1))

    new_housekeeper()
    wait_for(lambda: runs)
    time.sleep(0.2)

    # `often` is late by a little, `drain` by more than three periods.
    assert [name for name, _ in runs] == ["drain"]


@pytest.mark.parametrize(
    "settings",
    [
        {"HOUSEKEEPING": "celery"},
        {"HOUSEKEEPING": "process"},
        {"HOUSEKEEPING": "off"},
        {"FLUSH": "request_finished"},
        {"ENABLED": False},
        {"IN_TESTS": False},
    ],
    ids=repr,
)
def test_there_is_no_thread_where_there_may_be_none(settings: dict[str, Any]) -> None:
    mine = Housekeeper()
    with override_monitoring(**settings):
        mine.start()
    assert not mine.running
    assert not mine.wanted


def test_what_is_urgent_does_not_wait_for_its_period(new_housekeeper: Callable[[], Housekeeper]) -> None:
    mine = new_housekeeper()
    wait_for(lambda: "drain" in dict(runs))
    runs.clear()

    mine.hurry()  # an urgent batch of this process
    wait_for(lambda: "drain" in dict(runs))
    runs.clear()

    wake.wake(get_store())  # one of another process
    wait_for(lambda: "drain" in dict(runs))


def test_a_store_that_is_away_is_tried_again(
    new_housekeeper: Callable[[], Housekeeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def away() -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("away")
        return get_store()

    monkeypatch.setattr(module, "get_store", away)
    mine = new_housekeeper()

    wait_for(lambda: mine.leading)
    assert len(tries) == 3


def test_a_process_of_its_own_runs_the_jobs_until_told_to_stop() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=run_forever, args=(stop,), name="monitoring_run")
    thread.start()
    wait_for(lambda: runs.count(("often", "monitoring_run")) >= 2)
    stop.set()
    thread.join(10)

    assert not thread.is_alive()
    assert get_store().job_records()["drain"].runner == "process"


def test_one_told_to_stop_does_not_go_on_when_another_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, release = threading.Event(), threading.Event()

    def hang() -> Any:
        hanging.set()
        release.wait(10)
        raise StoreUnavailable("at last")

    mine = Housekeeper()
    monkeypatch.setattr(module, "get_store", hang)
    mine.start()
    first = mine._thread
    assert hanging.wait(10)
    mine.stop(0.01)
    monkeypatch.setattr(module, "get_store", get_store)
    mine.start()
    release.set()
    assert first is not None
    first.join(10)
    assert not first.is_alive()
    assert mine.running
    mine.stop(10)


def test_a_thread_in_a_web_process_sleeps_after_each_millisecond_and_others_never_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: dict[str, int] = {"polite": 0, "rude": 0}
    clock = threading.local()

    def sleep(seconds: float) -> None:
        assert seconds == pacing.SLEEP_S
        slept[threading.current_thread().name] += 1

    monkeypatch.setattr(pacing.time, "sleep", sleep)
    monkeypatch.setattr(pacing.time, "perf_counter", lambda: clock.now)

    def work(polite: bool) -> None:
        clock.now = 0.0
        if polite:
            pacing.be_polite()
        for _ in range(100):
            clock.now += 0.0003
            pacing.breathe()

    threads = [threading.Thread(target=work, args=(name == "polite",), name=name) for name in slept]
    for thread in threads:
        thread.start()
        thread.join()

    assert slept == {"polite": 25, "rude": 0}
