"""Running the jobs where nobody else does: a thread of one web process, or a process of its own."""

from __future__ import annotations

import os
import random
import socket
import threading
import time

from .. import conf
from ..core.guard import guarded, report
from ..stores import get_store
from ..stores.base import Lease, Store
from . import wake
from .jobs import Job, due, jobs, run_job
from .pacing import be_polite

LEADER = "housekeeper"
LEADER_S = 20.0
FOLLOWER_LOOKS_EVERY_S = 10.0
TICK_S = 1.0
URGENT_JOBS = ("drain", "evaluate_alerts", "deliver_notifications")


def run_due(store: Store, runner: str, only: tuple[str, ...] = (), *, force: bool = False) -> list[str]:
    """Run the jobs that are due, in order; return their names. A job that fails does not stop the others."""
    records, now = store.job_records(), store.now()
    ran = []
    for job in jobs().values():
        if only and job.name not in only:
            continue
        if due(records.get(job.name), job, now, runner=runner, at_once=force):
            ran += _run(job, runner)
    return ran


def _run(job: Job, runner: str) -> list[str]:
    try:
        return [job.name] if run_job(job.name, runner=runner) else []
    except Exception as exc:
        report(f"job.{job.name}", exc)
        return []


class Housekeeper:
    """A thread that runs due jobs while it leads: one process at a time does, by a lease."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether this process, or the one it was forked from, serves requests and so keeps house."""
        self.reset()

    def reset(self) -> None:
        """Become a new process: no thread, no lease."""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.leading = False
        self.cpu_s = 0.0
        """Processor time that the thread has used."""

    def start(self) -> None:
        """Start the thread, unless it runs, or the settings give the jobs to somebody else."""
        if conf.get_settings().HOUSEKEEPING != "auto" or conf.get_settings().FLUSH != "thread" or not conf.active():
            return
        self.wanted = True
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                # Its own: one that still hangs in a store when it is told to stop must not take this for its own start.
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._loop, args=(self._stop,), name="artisan-housekeeper", daemon=True
                )
                self._thread.start()

    def signal_stop(self) -> None:
        """Tell the thread to end, without waiting for it."""
        self._stop.set()
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End the thread, and wait for it that long."""
        self.signal_stop()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    @property
    def running(self) -> bool:
        """Say whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def hurry(self) -> None:
        """Look at the urgent jobs now, if this process leads."""
        if self.leading:
            self._wake.set()

    def _loop(self, stop: threading.Event) -> None:
        be_polite()
        # Not all workers of a host begin at the same moment.
        stop.wait(random.uniform(0.1, 1.0))  # noqa: S311
        while not stop.is_set():
            with guarded("housekeeper"):
                self._lead(stop)
            self.leading = False
            stop.wait(FOLLOWER_LOOKS_EVERY_S * random.uniform(0.7, 1.3))  # noqa: S311

    def _lead(self, stop: threading.Event) -> None:
        """Run due jobs for as long as this process holds the lease."""
        store = get_store()
        holder = f"{socket.gethostname()}:{os.getpid()}"
        lease = store.acquire_lease(LEADER, holder, LEADER_S)
        renew_at = time.monotonic() + LEADER_S / 2
        while lease is not None and not stop.is_set():
            self.leading = True
            self._round(store)
            self.cpu_s = time.thread_time()
            if time.monotonic() >= renew_at:
                lease = self._renew(store, lease, holder)
                renew_at = time.monotonic() + LEADER_S / 2
            self._wake.wait(TICK_S)
        if lease is not None:
            store.release_lease(lease)

    def _round(self, store: Store) -> None:
        urgent = self._wake.is_set()
        self._wake.clear()
        if urgent or wake.asked(store):
            run_due(store, "housekeeper", URGENT_JOBS, force=True)
        run_due(store, "housekeeper")

    def _renew(self, store: Store, lease: Lease, holder: str) -> Lease | None:
        store.release_lease(lease)
        return store.acquire_lease(LEADER, holder, LEADER_S)


housekeeper = Housekeeper()

wake.hooks.append(housekeeper.hurry)

os.register_at_fork(after_in_child=housekeeper.reset)


def run_forever(stop: threading.Event, *, runner: str = "process") -> None:
    """Run due jobs until `stop` is set: `manage.py monitoring_run`. A store that is away is tried again."""
    pause = TICK_S
    while not stop.is_set():
        try:
            store = get_store()
            if wake.asked(store):
                run_due(store, runner, URGENT_JOBS, force=True)
            run_due(store, runner)
            pause = TICK_S
        except Exception as exc:
            report("monitoring_run", exc)
            pause = min(pause * 2, 30.0)
        stop.wait(pause)


def run_once(*, runner: str = "process") -> list[str]:
    """Run every job once, due or not; return the names of those that ran."""
    return run_due(get_store(), runner, force=True)
