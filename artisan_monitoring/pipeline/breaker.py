"""A circuit breaker: after a failure, when to try again."""

from __future__ import annotations

import random

FIRST_S = 1.0
LONGEST_S = 60.0


class Breaker:
    """Back off from 1 s to 60 s, doubling, with jitter so that processes do not come back together.

    Times are the caller's monotonic clock.
    """

    __slots__ = ("_retry_at", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._retry_at = 0.0

    def allows(self, now: float) -> bool:
        """Say whether a try is due."""
        return not self.failures or now >= self._retry_at

    def failed(self, now: float) -> None:
        """Note a failure: the next try is due after a pause that doubles."""
        self.failures += 1
        pause = min(LONGEST_S, FIRST_S * 2 ** min(self.failures - 1, 10))
        self._retry_at = now + pause * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load, hides nothing

    def succeeded(self) -> None:
        """Close the breaker."""
        self.failures = 0

    @property
    def state(self) -> str:
        """`closed` while all is well, `open` after failures."""
        return "open" if self.failures else "closed"
