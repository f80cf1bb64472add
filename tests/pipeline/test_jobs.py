"""A job runs under a lease, its runs are recorded, and everybody can see when it is overdue."""

from __future__ import annotations

import time

import pytest

from artisan_monitoring.pipeline import housekeeper as keeping
from artisan_monitoring.pipeline import jobs, wake
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import JobRecord, JobRun

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

runs: list[str] = []


def good() -> None:
    runs.append("good")


def bad() -> None:
    raise ValueError("secret detail")


@pytest.fixture(autouse=True)
def _two_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs.clear()
    monkeypatch.setattr(jobs, "_jobs", {})
    jobs.register_job("good", 5, f"{__name__}.good")
    jobs.register_job("bad", 5, f"{__name__}.bad")


def test_a_run_is_recorded_with_its_runner_and_duration() -> None:
    assert jobs.run_job("good", runner="celery")

    record = get_store().job_records()["good"]
    assert (record.runner, record.runs, record.failures, record.last_error) == ("celery", 1, 0, "")
    assert record.last_success == pytest.approx(time.time(), abs=5)


def test_a_failure_is_recorded_by_its_class_alone_and_raised() -> None:
    with pytest.raises(ValueError):
        jobs.run_job("bad")

    record = get_store().job_records()["bad"]
    assert (record.failures, record.last_error, record.last_success) == (1, "ValueError", 0)


def test_a_job_that_another_holds_is_not_run() -> None:
    lease = get_store().acquire_lease("good", "another", 60)
    assert lease is not None

    assert jobs.run_job("good") is False
    assert runs == []

    get_store().release_lease(lease)
    assert jobs.run_job("good") is True


def test_an_unknown_job_is_the_callers_error() -> None:
    with pytest.raises(KeyError):
        jobs.run_job("nonsense")


def test_a_job_is_overdue_by_its_last_success() -> None:
    store = get_store()
    store.record_job(JobRun("good", "celery", store.now() - 3600, 0.1))

    (state, _) = jobs.job_states()

    assert state.overdue
    jobs.run_job("good")
    assert not jobs.job_states()[0].overdue


def record(runner: str, age: float) -> JobRecord:
    return JobRecord("good", runner=runner, last_start=1000.0 - age, last_success=1000.0 - age, runs=1)


@pytest.mark.parametrize(
    ("known", "runner", "expected"),
    [
        (None, "housekeeper", True),
        (record("housekeeper", 6), "housekeeper", True),
        (record("housekeeper", 4), "housekeeper", False),
        (record("celery", 6), "housekeeper", False),
        (record("celery", 16), "housekeeper", False),
        (record("celery", 21), "housekeeper", True),
        (record("celery", 6), "process", True),
    ],
)
def test_the_housekeeper_leaves_a_job_to_celery_until_it_stops(
    known: JobRecord | None, runner: str, expected: bool
) -> None:
    assert jobs.due(known, jobs.jobs()["good"], 1000.0, runner=runner) is expected


@pytest.mark.parametrize(("runner", "expected"), [("housekeeper", True), ("celery", False), ("process", False)])
def test_what_is_urgent_is_left_to_whoever_does_it(runner: str, *, expected: bool) -> None:
    known = record(runner, 1)

    assert jobs.due(known, jobs.jobs()["good"], 1000.0, runner="housekeeper", at_once=True) is expected


def test_a_failing_job_does_not_stop_the_others() -> None:
    jobs.register_job("last", 5, f"{__name__}.good")

    assert keeping.run_once() == ["good", "last"]
    assert runs == ["good", "good"]


def test_waking_is_heard_once() -> None:
    store = get_store()
    assert not wake.asked(store)
    wake.wake(store)

    assert wake.asked(store)
    assert not wake.asked(store)

    wake.wake(store)
    assert wake.asked(store)


def test_a_job_in_parts_is_run_by_as_many_at_once_as_it_has() -> None:
    jobs.register_job("parts", 5, f"{__name__}.good", lambda store: 2)
    store = get_store()
    first = store.acquire_lease("parts", "another", 60)
    assert jobs.run_job("parts") is True

    second = store.acquire_lease("parts.1", "a third", 60)
    assert jobs.run_job("parts") is False

    assert first is not None
    assert second is not None
    store.release_lease(first)
    assert jobs.run_job("parts") is True
    assert store.job_records()["parts"].runs == 2
    assert "parts.1" not in store.job_records()
