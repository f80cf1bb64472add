"""Which occurrences are kept in full, and how many different errors a process may report a minute.

Every occurrence is counted, whatever is decided here.
"""

from __future__ import annotations

# Full samples of one fingerprint in one minute and process: the first three, then one at each growing step.
FIRST = 3
STEPS = frozenset(n * 10**power for power in range(1, 9) for n in (1, 3))
# All fingerprints together: 4 processes in a storm write at most 400 samples.
SAMPLES_A_MINUTE = 100
# More different fingerprints than this are no longer told apart: each would be a row.
FINGERPRINTS_A_MINUTE = 100


class Sampler:
    """Decides per process and minute. Two threads that race here take one sample more or less; nothing else depends
    on it, so there is no lock."""

    __slots__ = ("_minute", "_seen", "_taken")

    def __init__(self) -> None:
        self._minute = 0
        self._taken = 0
        self._seen: dict[str, int] = {}

    def admits(self, fingerprint: str, now: float) -> bool:
        """Say whether a fingerprint is reported as itself; else it counts among "too many different errors"."""
        self._turn(int(now // 60))
        return fingerprint in self._seen or len(self._seen) < FINGERPRINTS_A_MINUTE

    def takes(self, fingerprint: str, now: float) -> bool:
        """Count an occurrence and say whether it is kept in full."""
        self._turn(int(now // 60))
        seen = self._seen[fingerprint] = self._seen.get(fingerprint, 0) + 1
        if (seen > FIRST and seen not in STEPS) or self._taken >= SAMPLES_A_MINUTE:
            return False
        self._taken += 1
        return True

    def _turn(self, minute: int) -> None:
        if minute != self._minute:
            self._minute, self._taken, self._seen = minute, 0, {}
