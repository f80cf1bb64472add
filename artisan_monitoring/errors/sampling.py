"""Which occurrences are kept in full, and how many different errors a process may report a minute.

Every occurrence is counted, whatever is decided here. In a storm from 4 processes that all fail in the same 50 places,
a minute makes at most 324 samples, 51 groups with a grouping and an hour each: 477 rows.
"""

from __future__ import annotations

# Full samples of one fingerprint in one hour and process: the first three, then one at each growing step.
FIRST = 3
STEPS = frozenset(n * 10**power for power in range(1, 9) for n in (1, 3))
# More different fingerprints than this are no longer told apart: each would be a row.
FINGERPRINTS_A_MINUTE = 50
# Of all fingerprints together; the first of each is kept beyond it, so that a loud error leaves room for a new one.
MORE_A_MINUTE = 30


class Sampler:
    """Decides per process. Two threads that race here take one sample more or less; nothing else depends on it, so
    there is no lock."""

    __slots__ = ("_hour", "_minute", "_more", "_new", "_seen")

    def __init__(self) -> None:
        self._hour = self._minute = 0
        self._more = self._new = 0
        self._seen: dict[str, int] = {}

    def admits(self, fingerprint: str, now: float) -> bool:
        """Say whether a fingerprint is reported as itself; else it counts among "too many different errors"."""
        minute = int(now // 60)
        if minute != self._minute:
            self._turn(minute)
        if fingerprint in self._seen:
            return True
        if self._new >= FINGERPRINTS_A_MINUTE:
            return False
        self._new += 1
        self._seen[fingerprint] = 0
        return True

    def takes(self, fingerprint: str, now: float) -> bool:
        """Count an occurrence and say whether it is kept in full."""
        seen = self._seen[fingerprint] = self._seen.get(fingerprint, 0) + 1
        if seen == 1:
            return True
        if (seen > FIRST and seen not in STEPS) or self._more >= MORE_A_MINUTE:
            return False
        self._more += 1
        return True

    def _turn(self, minute: int) -> None:
        self._minute = minute
        self._more = self._new = 0
        if minute // 60 != self._hour:
            self._hour, self._seen = minute // 60, {}
