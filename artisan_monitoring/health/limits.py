"""How often one client may ask, in this process: a count per minute in a table that cannot grow."""

from __future__ import annotations

import os
import threading

WINDOW_S = 60
_MAX_CLIENTS = 4096
_EVERYBODY_ELSE = "*"


class RateLimit:
    """Counts calls per client in minutes of the given clock. When the table is full, all others share one count."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all counts."""
        self._lock = threading.Lock()
        self._window = -1
        self._counts: dict[str, int] = {}

    def retry_after(self, client: str, limit: int, now: float) -> int:
        """Count one call; return 0, or in how many seconds to come back when it is over the limit (0: none)."""
        if limit <= 0:
            return 0
        window = int(now // WINDOW_S)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            counts = self._counts
            key = client if client in counts or len(counts) < _MAX_CLIENTS else _EVERYBODY_ELSE
            count = counts[key] = counts.get(key, 0) + 1
        return 0 if count <= limit else WINDOW_S - int(now % WINDOW_S)


probes = RateLimit()
"""Readiness, start-up and the one word."""

details = RateLimit()
"""Detailed health and metrics."""

os.register_at_fork(after_in_child=probes.reset)
os.register_at_fork(after_in_child=details.reset)
