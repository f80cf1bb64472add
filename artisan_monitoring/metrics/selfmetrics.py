"""What monitoring costs and loses, as metrics of its own: the figures of each process, and those of the deployment.

A process counts since it began; here each flush adds what came on top, so that the sums outlive the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from .. import conf
from ..core import guard
from ..logs import counters
from ..pipeline.buffer import buffer
from ..pipeline.flusher import flusher
from ..pipeline.housekeeper import housekeeper
from ..pipeline.overhead import overhead
from ..pipeline.selfstats import deployment_stats
from ..stores.base import Store
from .collector import metrics_collector
from .handles import Handle, RawTags

_series = metrics_collector.handle("artisan.buffer.series", unit="{series}", kind="gauge")
_waiting = metrics_collector.handle("artisan.buffer.waiting", unit="{record}", kind="gauge", combine="sum")
_breakers = metrics_collector.handle("artisan.breaker.open", unit="{process}", kind="gauge", combine="sum")
_flush = metrics_collector.handle("artisan.flush.duration", unit="s", kind="distribution")
_dropped = metrics_collector.handle("artisan.dropped", unit="{observation}", kind="counter")
_overflow = metrics_collector.handle("artisan.overflow", unit="{observation}", kind="counter")
_store_errors = metrics_collector.handle("artisan.store.errors", unit="{error}", kind="counter")
_failures = metrics_collector.handle("artisan.internal_failures", unit="{failure}", kind="counter")
_log_records = metrics_collector.handle("artisan.log.records", unit="{record}", kind="counter")
_log_lost = metrics_collector.handle("artisan.log.lost", unit="{record}", kind="counter")
_overhead = metrics_collector.handle("artisan.overhead.level", unit="{part}", kind="gauge")
_cpu_time = metrics_collector.handle("artisan.cpu.time", unit="s", kind="counter")

_processes = metrics_collector.handle("artisan.processes", unit="{process}", kind="gauge", combine="last")
_lag = metrics_collector.handle("artisan.inbox.lag", unit="s", kind="gauge", combine="last")
_bytes = metrics_collector.handle("artisan.inbox.size", unit="By", kind="gauge", combine="last")
_overdue = metrics_collector.handle("artisan.jobs.overdue", unit="{job}", kind="gauge", combine="last")
_losses = metrics_collector.handle("artisan.losses", unit="{observation}", kind="gauge", combine="last")


def _totals() -> Iterator[tuple[Handle, RawTags, float]]:
    """Yield what this process has counted since it began: plain reads, no lock."""
    for level, count in counters.records.items():
        yield _log_records, (("level", level),), count
    yield _log_lost, (), counters.dropped + counters.write_errors
    for reason, count in list(buffer.dropped.items()):
        yield _dropped, (("reason", reason),), count
    yield _overflow, (), buffer.registry.overflowed
    yield _store_errors, (), flusher.store_errors
    for place, count in list(guard.failures.items()):
        yield _failures, (("place", place),), count
    yield _cpu_time, (("thread", "flusher"),), flusher.cpu_s
    yield _cpu_time, (("thread", "housekeeper"),), housekeeper.cpu_s


class SelfMetrics:
    """The sampler of a process' own figures, with what it has told already."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, RawTags], float] = {}
        self._flushes = 0
        self._was_waiting = self._was_open = self._was_off = 0

    def forked(self) -> None:
        """Become a new process: what was counted before is the parent's to tell."""
        self._told = {(handle.name, tags): total for handle, tags, total in _totals()}
        self._flushes = self._was_waiting = self._was_open = self._was_off = 0

    def sample(self) -> None:
        """Add what was counted since the last flush. Not in a test run, which counts what it records."""
        if conf.in_tests():
            return
        for handle, tags, total in _totals():
            key = (handle.name, tags)
            before = self._told.get(key)
            self._told[key] = total
            # Told once at nought, so that a scraper sees the first one as an increase. A total that has gone back
            # began anew.
            if before is None or total > before:
                handle.add(total - (before or 0), tags)
            elif total < before:
                handle.add(total, tags)
        self._sample_gauges()

    def _sample_gauges(self) -> None:
        _series.set(buffer.registry.size)
        waiting, opened = flusher.waiting_cells + buffer.records, int(flusher.breaker == "open")
        # A nought is told once, then silence: it is what nearly every flush of every process would say.
        if waiting or self._was_waiting:
            _waiting.set(waiting)
        if opened or self._was_open:
            _breakers.set(opened)
        off = overhead.level.value
        if off or self._was_off:
            _overhead.set(off)
        self._was_waiting, self._was_open, self._was_off = waiting, opened, off
        if flusher.flushes != self._flushes:
            self._flushes = flusher.flushes
            _flush.observe(flusher.last_duration_s)


def record_deployment(store: Store) -> None:
    """Set the gauges of what all processes share: the inbox, the jobs, the losses. Called by one job, every 30 s.

    Raise `StoreUnavailable` where the store cannot be asked.
    """
    stats = deployment_stats(store)
    _processes.set(stats["processes"])
    _lag.set(stats["lag_s"])
    _bytes.set(stats["inbox_bytes"])
    _overdue.set(len(stats["jobs_overdue"]))
    for reason, count in stats["losses"].items():
        _losses.set(count, (("reason", reason),))


selfmetrics = SelfMetrics()

os.register_at_fork(after_in_child=selfmetrics.forked)
