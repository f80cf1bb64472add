"""Periodic jobs: who may run one now, and how its runs went."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

from django.utils.module_loading import import_string

from ..conf import get_settings
from ..core.guard import report
from ..stores import get_store
from ..stores.base import JobRecord, JobRun, Lease, Store
from ..stores.connection import own_connection

OVERDUE_PERIODS = 3
LEASE_PERIODS = 3
SHORTEST_LEASE_S = 60.0

_started = time.time()


def _one(store: Store) -> int:
    return 1


class Job(NamedTuple):
    """A named job: its period in seconds, and the dotted path of a function without arguments.

    `at_once(store)` says how many may run it at the same time; one, unless its work is in parts that do not meet.
    """

    name: str
    period_s: float
    path: str
    at_once: Callable[[Store], int] = _one

    @property
    def lease_s(self) -> float:
        """How long a holder may take before another may begin."""
        return max(SHORTEST_LEASE_S, LEASE_PERIODS * self.period_s)


class JobState(NamedTuple):
    """A job with what is known of its runs. Times are seconds since the epoch, 0 for never."""

    name: str
    period_s: float
    runner: str
    last_start: float
    last_success: float
    last_duration_s: float
    last_error: str
    runs: int
    failures: int
    overdue: bool


_jobs: dict[str, Job] = {}


def register_job(name: str, period_s: float, path: str, at_once: Callable[[Store], int] = _one) -> None:
    """Add a job, or replace the one of that name; see `Job`."""
    _jobs[name] = Job(name, period_s, path, at_once)


def jobs() -> dict[str, Job]:
    """Return the registered jobs by name, in the order in which one round runs them."""
    return dict(_jobs)


_runner: ContextVar[str] = ContextVar("artisan_job_runner", default="manual")


def run_job(name: str, *, runner: str = "") -> bool:
    """Run a job under its lease; return whether it ran (not: as many as may hold a lease already do).

    `runner` says who does it; a job run by another job has the same runner, else it is `manual`. A failure of the job
    is recorded and raised again. Raise `KeyError` for an unknown name, `StoreUnavailable` where the lease cannot be
    asked for.
    """
    job = _jobs[name]
    runner = runner or _runner.get()
    store = get_store()
    lease = _free_lease(store, job)
    if lease is None:
        return False
    began, clock = store.now(), time.perf_counter()
    error = ""
    outer = _runner.set(runner)
    try:
        function: Callable[[], object] = import_string(job.path)
        with own_connection(get_settings().DATABASE):
            function()
    except Exception as exc:
        error = type(exc).__qualname__
        report(f"job.{name}", exc)
        raise
    finally:
        _runner.reset(outer)
        store.record_job(JobRun(name, runner, began, time.perf_counter() - clock, error))
        store.release_lease(lease)
    return True


def _free_lease(store: Store, job: Job) -> Lease | None:
    """Return the first lease of a job that nobody holds: it has as many as may run it at the same time."""
    holder = _holder()
    for number in range(max(1, job.at_once(store))):
        lease = store.acquire_lease(f"{job.name}.{number}" if number else job.name, holder, job.lease_s)
        if lease is not None:
            return lease
    return None


def job_states() -> list[JobState]:
    """Return every registered job with its record, in the order of registration."""
    store = get_store()
    records, now = store.job_records(), store.now()
    return [_state(job, records.get(job.name, JobRecord(job.name)), now) for job in _jobs.values()]


def _state(job: Job, record: JobRecord, now: float) -> JobState:
    # A job that never ran is overdue once this process is old enough to have seen it run.
    since = record.last_success or _started
    return JobState(
        name=job.name,
        period_s=job.period_s,
        runner=record.runner,
        last_start=record.last_start,
        last_success=record.last_success,
        last_duration_s=record.last_duration_s,
        last_error=record.last_error,
        runs=record.runs,
        failures=record.failures,
        overdue=now - since > max(SHORTEST_LEASE_S, OVERDUE_PERIODS * job.period_s),
    )


def due(record: JobRecord | None, job: Job, now: float, *, runner: str, at_once: bool = False) -> bool:
    """Say whether a runner should run a job now; `at_once` does not wait for its period.

    Celery and the process of its own run what is due. The housekeeper leaves a job to them while they do it, also when
    it is urgent, and takes it over when it is overdue by three periods.
    """
    if record is None or not record.last_start:
        return True
    age = now - record.last_start
    if runner == "housekeeper" and record.runner in ("celery", "process"):
        return age > OVERDUE_PERIODS * job.period_s + job.period_s
    return at_once or age >= job.period_s


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
