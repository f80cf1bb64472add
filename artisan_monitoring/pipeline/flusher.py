"""The flusher: a thread that swaps the buffer every few seconds and sends what came out."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .. import conf
from ..core.guard import guarded, tell
from ..core.windows import MINUTE
from ..exceptions import StoreError, StoreUnavailable
from ..stores import get_store
from ..stores.base import Store, shard_of
from . import wake
from .buffer import buffer
from .harvest import Harvest
from .outbox import Outbox
from .pacing import be_polite, breathe

JITTER = 0.2
URGENT_EVERY_S = 1.0
IDLE_SERIES_S = 3600
SKEW_IGNORED_S = 0.5


reporters: list[Callable[[Store], None]] = []
"""Called after each flush with the store: they leave notes."""


class Flusher:
    """Owns the process' identity and its outboxes. `flush()` may be called from any thread, one at a time works."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Become a new process: a new identity, no thread, nothing to send."""
        self.process = uuid.uuid4().hex
        self.started_at = time.time()
        self.last_flush = 0.0
        self.last_duration_s = 0.0
        self.flushes = 0
        self.cpu_s = 0.0
        """Processor time that the thread has used."""
        self.wanted = False
        self._tried_at = float("-inf")
        self.skew_s = 0.0
        self._lock = threading.RLock()
        self._starting = threading.Lock()
        self._outboxes: dict[int, Outbox] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._urgent = False
        self._flushing = False

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread, unless it runs, or may not (a test runner, `FLUSH`, `ENABLED`)."""
        self.wanted = conf.active()
        if conf.get_settings().FLUSH != "thread" or not self.wanted:
            return
        # Not the lock of `flush`: a request that starts the thread must not wait for a store.
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # Its own: one that still hangs in a store when it is told to stop must not take this for its own start.
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, name="artisan-flusher", daemon=True)
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

    def due(self) -> bool:
        """Say whether the interval has passed since the last flush: for flushing without a thread."""
        return time.monotonic() - self._tried_at >= self.interval_s() or self._wake.is_set()

    def hurry(self) -> None:
        """Flush as soon as possible."""
        self._wake.set()

    def interval_s(self) -> float:
        """Return the seconds between two flushes: the setting, else what the store asks for."""
        chosen = conf.get_settings().FLUSH_INTERVAL_S
        if chosen:
            return chosen
        with guarded("flusher.interval"):
            return get_store().flush_interval_s
        return MINUTE / 4

    def _run(self) -> None:
        be_polite()
        stop = self._stop
        while not stop.is_set():
            hurried = self._wake.wait(self.interval_s() * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311
            if stop.is_set():
                return
            self._wake.clear()
            self.flush()
            self.cpu_s = time.thread_time()
            if hurried:
                stop.wait(URGENT_EVERY_S)

    # -- flushing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody from flushing inside the block: for tests that look into the buffer."""
        with self._lock:
            yield

    def flush(self, until: float | None = None) -> bool:
        """Swap the buffer and send it; return whether all of it is in the store. Never raises.

        `until` (monotonic) makes it the last flush of a process: the store is asked although it was away a moment ago,
        and given up at that time.
        """
        if not self._lock.acquire(timeout=-1 if until is None else max(0.0, until - time.monotonic())):
            return False
        try:
            # A signal handler may flush while its own thread does: both would take the same batch off the queue.
            return not self._flushing and self._flush_once(until)
        finally:
            self._lock.release()

    def _flush_once(self, until: float | None) -> bool:
        self._flushing = True
        try:
            with guarded("flusher.flush"):
                return self._flush(until)
        finally:
            self._flushing = False
        return False

    def _flush(self, until: float | None) -> bool:
        began = time.perf_counter()
        self._tried_at = time.monotonic()
        self._wake.clear()
        for sampler in buffer.samplers:
            with guarded("flusher.sampler"):
                sampler()
        store = self._store()
        self._sort(buffer.swap(), store.shards if store is not None else max(1, len(self._outboxes)))
        done = store is not None and self._send(store, until)
        if store is not None and self._tell(until):
            for reporter in reporters:
                reporter(store)
        self.flushes += 1
        self.last_duration_s = time.perf_counter() - began
        if done:
            self.last_flush = time.time()
        buffer.registry_forget(time.time() - IDLE_SERIES_S)
        return done

    def _tell(self, until: float | None) -> bool:
        """Say whether reports may go to the store, and log why not.

        A store that has just not answered is not asked for more: each try would take its whole timeout.
        """
        problem = self.problem
        if problem is not None and until is None:
            tell("store", problem)
        return not isinstance(problem, StoreUnavailable) and until is None

    def _store(self) -> Store | None:
        """Return the store, or nothing where it cannot even be made: what was observed waits then."""
        with guarded("flusher.store"):
            return get_store()
        return None

    def _outbox(self, shard: int) -> Outbox:
        outbox = self._outboxes.get(shard)
        if outbox is None:
            outbox = self._outboxes[shard] = Outbox(shard, self.process, buffer.dropped)
        return outbox

    def _sort(self, harvest: Harvest, shards: int) -> None:
        for minute, rows in harvest.slots.items():
            for series, cell in rows:
                self._outbox(shard_of(series, shards)).put_cell(minute, series, cell)
                breathe()
        if harvest.listed or harvest.merged:
            self._outbox(int(self.process, 16) % shards).put_records(harvest)
        # Also while there is no store to send to: what waits must not grow with time.
        for outbox in self._outboxes.values():
            outbox.settle()
        self._urgent = harvest.urgent or self._urgent

    def _send(self, store: Store, until: float | None) -> bool:
        limit = conf.get_settings().LIMITS.INBOX_BYTES
        done = True
        first = next(iter(self._outboxes.values()), None)
        for outbox in self._outboxes.values():
            if not outbox.empty:
                # One answer that does not come may be waited for at the end of a process, not one for each shard.
                given_up = until is not None and time.monotonic() >= until and outbox is not first
                done = not given_up and outbox.send(store, limit, at_once=until is not None) and done
            if outbox.skew_s is not None:
                self.skew_s = outbox.skew_s
        # A smaller difference is the measurement's own.
        buffer.clock_offset = self.skew_s if abs(self.skew_s) > SKEW_IGNORED_S else 0.0
        if self._urgent and done:
            self._urgent = False
            wake.wake(store)
        return done

    # -- what self-statistics read ------------------------------------------------------------------------------------

    @property
    def breaker(self) -> str:
        """`open` while some shard cannot be reached."""
        return "open" if any(outbox.breaker.failures for outbox in self._outboxes.values()) else "closed"

    @property
    def problem(self) -> StoreError | None:
        """Why the store did not take the last batch; nothing where it did."""
        return next((each.problem for each in list(self._outboxes.values()) if each.problem is not None), None)

    @property
    def unsent(self) -> int:
        """Observations and records that were swapped out and that the store has not taken."""
        return sum(outbox.unsent for outbox in list(self._outboxes.values()))

    @property
    def store_errors(self) -> int:
        """How often the store could not be reached, or was full."""
        return sum(outbox.errors for outbox in list(self._outboxes.values()))

    @property
    def waiting_cells(self) -> int:
        """Cells that wait for the store to come back."""
        return sum(outbox.waiting_cells for outbox in list(self._outboxes.values()))

    @property
    def sent_batches(self) -> int:
        """Batches the store has taken from this process."""
        return sum(outbox.sent_batches for outbox in list(self._outboxes.values()))


flusher = Flusher()

buffer.on_urgent = flusher.hurry

os.register_at_fork(after_in_child=flusher.reset)
