"""What monitoring costs this process' requests, held against `OVERHEAD_BUDGET_MS`: above it, costly parts step down.

The middleware measures one request in some; the flusher has it judged before each flush. Each process decides for
itself: it knows what it costs, and needs nobody's answer.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..conf import get_settings
from ..core.budget import SHOWN, WINDOW_S, Level, Sample, decide, p99
from ..core.guard import guarded
from .buffer import buffer

MOST_SAMPLES = 1000
SELDOM, OFTEN = 64, 4
WANTED = 8
"""Samples between two flushes: a site with little traffic is measured more often, for the same price a second."""

_logger = logging.getLogger("artisan_monitoring")


class Overhead:
    """The samples of this process and the level that follows from them."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []
        """Called after each change of level: for copies of `off` on a hot path."""
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child does: nothing measured, nothing off."""
        self.left = SELDOM  # not the first: what it imports is paid once
        """How many requests there are until the next one is measured. The middleware counts down."""
        self.every = SELDOM
        self.level = Level()
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        self._seen = 0
        self._tell()

    def note(self, used_s: float, now: float | None = None) -> None:
        """Keep what monitoring used in a request that was measured."""
        self._samples.append((time.time() if now is None else now, used_s))
        self._seen += 1

    def off(self, part: str) -> bool:
        """Say whether a part has stepped down; see `budget.PARTS`."""
        return part in self.level.off

    def judge(self, now: float | None = None) -> None:
        """Hold the last minutes against the budget. Called before each flush."""
        now = time.time() if now is None else now
        requests, self._seen = self._seen * self.every, 0
        self.every = min(SELDOM, max(OFTEN, requests // WANTED))
        samples = list(self._samples)
        budget_s = get_settings().OVERHEAD_BUDGET_MS / 1000
        before, self.level = self.level, decide(self.level, samples, budget_s, now)
        if before.value != self.level.value:
            self._tell()
            self._log(before, [each for each in samples if each[0] > max(before.since, now - WINDOW_S)], budget_s)

    def _tell(self) -> None:
        for listener in self.listeners:
            with guarded("overhead.listener"):
                listener()

    def _log(self, before: Level, recent: list[Sample], budget_s: float) -> None:
        off = ", ".join(SHOWN[part] for part in self.level.off) or "nothing"
        told = (f"{p99(recent) * 1000:.3g}", len(recent), f"{budget_s * 1000:g}", off)
        if self.level.value > before.value:
            _logger.warning("Monitoring costs a request %s ms (p99 of %d), its budget is %s ms. Off now: %s.", *told)
        else:
            _logger.info("Monitoring costs a request %s ms (p99 of %d), its budget is %s ms. Off still: %s.", *told)

    def stats(self, now: float | None = None) -> dict[str, Any]:
        """Return the level, the parts that are off, and the p99 of the last minutes' samples in seconds."""
        since = (time.time() if now is None else now) - WINDOW_S
        recent = [sample for sample in list(self._samples) if sample[0] > since]
        return {"level": self.level.value, "off": list(self.level.off), "p99_s": p99(recent), "samples": len(recent)}


overhead = Overhead()

buffer.samplers.append(overhead.judge)

os.register_at_fork(after_in_child=overhead.reset)
