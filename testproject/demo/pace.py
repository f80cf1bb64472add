"""How fast the visitors come: a wave like a day's, and now and then a burst."""

from __future__ import annotations

import math
import threading
import time

USUAL_RATE = 20.0
DAY_S = 60.0  # a day of the demo: morning, evening and night pass in a minute
BURST_EVERY_S, BURST_S = 23.0, 1.2


class Stopped(Exception):
    """The demo is ending: no more requests."""


def rate_at(elapsed_s: float, usual: float = USUAL_RATE) -> float:
    """Give requests per second at a moment of the demo: a quarter up and down, and three times as many in a burst."""
    wave = usual * (1 + 0.25 * math.sin(math.tau * elapsed_s / DAY_S))
    return 3 * wave if elapsed_s % BURST_EVERY_S > BURST_EVERY_S - BURST_S else wave


class Pace:
    """Hands out the moments at which requests may leave, to all visitors together."""

    def __init__(self, usual: float = USUAL_RATE) -> None:
        self.usual = usual
        self.started = time.monotonic()
        self._next = self.started
        self._lock = threading.Lock()
        self._over = threading.Event()

    def wait(self) -> None:
        """Wait for the next free moment; raises Stopped when the demo ends meanwhile."""
        with self._lock:
            now = time.monotonic()
            # Where the server could not keep up, the lost moments are not made good: no flood after a stall.
            moment = max(self._next, now - 0.5)
            self._next = moment + 1 / rate_at(now - self.started, self.usual)
        if self._over.wait(max(0.0, moment - now)):
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the end of the demo."""
        if self._over.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """Let nobody through any more."""
        self._over.set()
