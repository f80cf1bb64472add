"""What this process uses: CPU, memory, open files, threads, and the pauses of Python's garbage collector.

Names and units follow OpenTelemetry's semantic conventions, "Process metrics" and "CPython runtime metrics"; they have
none for pauses. The processes of a host share its series, so that one that is replaced does not leave one behind.
"""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from time import perf_counter

from ..core.guard import guarded
from .collector import metrics_collector
from .host import SHORTEST_S, host_tags, wanted

PAUSE_S = 0.001
"""Shorter pauses are in the sum alone: a busy process has thousands, and none of them is felt."""

MAX_PAUSES = 1000
"""Kept between two flushes; the latest win."""

COSTLY_S = 0.001
COSTLY_EVERY_S = 60.0
"""Counting the open files of a server with 10,000 connections takes milliseconds: then only each minute."""

_cpu_time = metrics_collector.handle("process.cpu.time", unit="s", kind="counter")
_cpu = metrics_collector.handle("process.cpu.utilization", unit="1", kind="gauge", combine="sum")
_memory = metrics_collector.handle("process.memory.usage", unit="By", kind="gauge", combine="sum")
_files = metrics_collector.handle("process.unix.file_descriptor.count", unit="{file_descriptor}", kind="gauge")
_threads = metrics_collector.handle("process.thread.count", unit="{thread}", kind="gauge")
_collections = metrics_collector.handle("cpython.gc.collections", unit="{collection}", kind="counter")
_gc_time = metrics_collector.handle("artisan.gc.time", unit="s", kind="counter")
_gc_pause = metrics_collector.handle("artisan.gc.pause", unit="s", kind="distribution")


class Pauses:
    """Listens to the garbage collector. 0.8 us a collection; Python runs one at a time, so nothing is locked."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self.long: deque[float] = deque(maxlen=MAX_PAUSES)
        self._began = 0.0

    def watch(self, phase: str, details: dict[str, int]) -> None:
        """Take the time of a collection: a callback of `gc.callbacks`."""
        if phase == "start":
            self._began = perf_counter()
        elif self._began:
            took = perf_counter() - self._began
            self.total_s += took
            if took >= PAUSE_S:
                self.long.append(took)

    def listen(self, on: bool) -> None:
        """Begin to listen, or end it."""
        listening = self.watch in gc.callbacks
        if on and not listening:
            self._began = 0.0
            gc.callbacks.append(self.watch)
        elif listening and not on:
            gc.callbacks.remove(self.watch)


class Process:
    """The sampler, with what it needs to remember between two samples."""

    def __init__(self) -> None:
        self.pauses = Pauses()
        self._cpu_time = (0.0, 0.0)
        self._collections = [0, 0, 0]
        self._gc_time = 0.0
        self._sampled_at = 0.0
        self._files_due = 0.0

    def forked(self) -> None:
        """Become a new process: its CPU time begins at nought, what the collector did is the parent's to tell."""
        self._cpu_time = (0.0, 0.0)
        self._collections = _collected()
        self._gc_time = self.pauses.total_s
        self.pauses.long.clear()
        self._sampled_at = self._files_due = 0.0

    def sample(self) -> None:
        """Count what was used since the last sample, and set the gauges."""
        on = wanted()
        self.pauses.listen(on)
        now = time.monotonic()
        if not on or now - self._sampled_at < SHORTEST_S:
            return
        elapsed_s, self._sampled_at = now - self._sampled_at if self._sampled_at else 0.0, now
        for figure in (self._sample_usage, self._sample_collector):
            with guarded(f"process.{figure.__name__.lstrip('_')}"):
                figure(elapsed_s)

    def _sample_usage(self, elapsed_s: float) -> None:
        import psutil

        tags = host_tags()
        used = os.times()
        user, system = used.user - self._cpu_time[0], used.system - self._cpu_time[1]
        self._cpu_time = (used.user, used.system)
        _cpu_time.add(max(0.0, user), (("cpu.mode", "user"), *tags))
        _cpu_time.add(max(0.0, system), (("cpu.mode", "system"), *tags))
        if elapsed_s:
            _cpu.set(max(0.0, user + system) / elapsed_s / processors(), tags)
        own = psutil.Process()
        with own.oneshot():
            _memory.set(own.memory_info().rss, tags)
            _threads.set(own.num_threads(), tags)
        began = time.monotonic()
        if began >= self._files_due and hasattr(own, "num_fds"):
            _files.set(own.num_fds(), tags)
            ended = time.monotonic()
            self._files_due = ended + COSTLY_EVERY_S if ended - began > COSTLY_S else 0.0

    def _sample_collector(self, elapsed_s: float) -> None:
        tags = host_tags()
        before, self._collections = self._collections, _collected()
        for generation, (earlier, now) in enumerate(zip(before, self._collections, strict=True)):
            if now > earlier:
                _collections.add(now - earlier, (("cpython.gc.generation", str(generation)), *tags))
        spent, self._gc_time = self.pauses.total_s - self._gc_time, self.pauses.total_s
        if spent > 0:
            _gc_time.add(spent, tags)
        for _ in range(len(self.pauses.long)):
            _gc_pause.observe(self.pauses.long.popleft(), tags)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _collected() -> list[int]:
    return [each["collections"] for each in gc.get_stats()]


process = Process()

os.register_at_fork(after_in_child=process.forked)
