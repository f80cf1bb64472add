"""Runs checks in threads of their own: one run of a check at a time, shared by all who ask, waited for only so long.

A thread that hangs in a driver cannot be killed. So there is at most one such thread per check, and while it hangs
every answer says so at once or at the end of its budget.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from django.db import connections

from ..core.guard import guarded
from .base import Check, Result, Status, failed, passed


class Flight:
    """One run of a check under way. Threads wait for it, and event loops are called back."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._landed = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: set[Callable[[], None]] = set()

    def land(self) -> None:
        """Wake all who wait."""
        with self._lock:
            self._landed.set()
            callbacks, self._callbacks = self._callbacks, set()
        for callback in callbacks:
            callback()

    def wait(self, timeout_s: float) -> None:
        """Block until it has landed, or for so long."""
        self._landed.wait(max(0.0, timeout_s))

    async def wait_async(self, timeout_s: float) -> None:
        """Wait like `wait`, without blocking the event loop. Nothing is left behind by a wait that ran out."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:  # that loop has been closed since: nobody waits any more
                pass

        with self._lock:
            if self._landed.is_set():
                return
            self._callbacks.add(wake)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._callbacks.discard(wake)


class Probe:
    """One check with its last result and the run under way, if any."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.last: Result | None = None
        self._landed_at = float("-inf")
        self._flight: Flight | None = None
        self._lock = threading.Lock()

    def fly(self, max_age_s: float) -> Flight | None:
        """Return the run to wait for, started now unless one is under way; None when the last result is fresh."""
        with self._lock:
            if self._flight is not None:
                return self._flight
            if time.monotonic() - self._landed_at <= max_age_s:
                return None
            flight = self._flight = Flight()
        try:
            name = f"artisan-health-{self.check.key}"
            threading.Thread(target=self._run, args=(flight,), name=name, daemon=True).start()
        except RuntimeError as exc:  # no more threads to be had: that is the answer, and the next one tries again
            self._finish(flight, failed(self.check, exc, time.time(), 0.0))
        return flight

    def _run(self, flight: Flight) -> None:
        try:
            result = passed(self.check, self.check.run(), time.time(), time.monotonic() - flight.started)
        except BaseException as exc:  # a check that calls sys.exit() must not leave its flight in the air
            result = failed(self.check, exc, time.time(), time.monotonic() - flight.started)
        with guarded("health.close"):
            connections.close_all()  # those of this thread, which ends here
        self._finish(flight, result)

    def _finish(self, flight: Flight, result: Result) -> None:
        with self._lock:
            self.last, self._landed_at, self._flight = result, time.monotonic(), None
        flight.land()

    def verdict(self, flight: Flight | None, asked_at: float, budget_s: float) -> Result:
        """Return the result as it stands for one who asked at `asked_at` (monotonic) and waited `budget_s` at most."""
        with self._lock:
            result, hanging = self.last, self._flight is not None and self._flight is flight
        timeout_s = min(budget_s, self.check.timeout_s)
        if flight is not None and hanging:
            if asked_at - flight.started > timeout_s:
                return self._late("stuck", "previous probe still running", time.monotonic() - flight.started)
            return self._late("timeout", f"no answer within {timeout_s:g} s", timeout_s)
        if result is None:
            return self._late("unknown", "never ran", 0.0)
        if result.status is not Status.FAIL and result.duration_s > timeout_s:
            return self._late("timeout", f"took longer than {timeout_s:g} s", result.duration_s)
        return result

    def _late(self, code: str, output: str, duration_s: float) -> Result:
        return Result(self.check, Status.FAIL, (), time.time(), duration_s, code, output)


class Prober:
    """All probes of this process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, the locks too: threads die in a fork, and one of them may have held a lock."""
        self._probes: dict[str, Probe] = {}
        self._lock = threading.Lock()

    def collect(
        self, checks: Sequence[Check], *, max_age_s: float, budget_s: float, accept_older: bool = False
    ) -> list[Result]:
        """Return one result per check, at most `max_age_s` old, within `budget_s`: what is late by then has failed.

        `accept_older` lets a check's own `fresh_s` allow more.
        """
        asked_at = time.monotonic()
        flights = self._launch(checks, max_age_s, accept_older)
        for probe, flight in flights:
            if flight is not None:
                flight.wait(_patience(probe, flight, asked_at, budget_s))
        return [probe.verdict(flight, asked_at, budget_s) for probe, flight in flights]

    async def collect_async(
        self, checks: Sequence[Check], *, max_age_s: float, budget_s: float, accept_older: bool = False
    ) -> list[Result]:
        """Do the same as `collect` without blocking the event loop."""
        asked_at = time.monotonic()
        flights = self._launch(checks, max_age_s, accept_older)
        for probe, flight in flights:
            if flight is not None:
                await flight.wait_async(_patience(probe, flight, asked_at, budget_s))
        return [probe.verdict(flight, asked_at, budget_s) for probe, flight in flights]

    def _launch(
        self, checks: Iterable[Check], max_age_s: float, accept_older: bool
    ) -> list[tuple[Probe, Flight | None]]:
        probes = [self._probe(check) for check in checks]
        return [
            (probe, probe.fly(max(max_age_s, probe.check.fresh_s) if accept_older else max_age_s)) for probe in probes
        ]

    def _probe(self, check: Check) -> Probe:
        with self._lock:
            probe = self._probes.get(check.key)
            if probe is None or probe.check != check:
                probe = self._probes[check.key] = Probe(check)
            return probe


def _patience(probe: Probe, flight: Flight, asked_at: float, budget_s: float) -> float:
    if asked_at - flight.started > probe.check.timeout_s:
        return 0.0  # it hangs: to wait once more would only tie up another thread of the host
    return asked_at + min(budget_s, probe.check.timeout_s) - time.monotonic()


prober = Prober()
"""The probes of this process."""

os.register_at_fork(after_in_child=prober.reset)
