"""Small tables of counts per client or account, bounded: what is used least is forgotten first. One set per process."""

from __future__ import annotations

import threading
from collections import OrderedDict

MAX_ENTRIES = 10_000
MAX_ACCOUNTS = 16
"""Different accounts remembered per client: enough to tell one forgetful person from a list of stolen passwords."""


class Tally:
    """What was counted since `start` (seconds): how often, and for which accounts."""

    __slots__ = ("accounts", "count", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.count = 0
        self.accounts: set[str] = set()


class WindowTable:
    """Counts per key in windows that begin at the first sighting. About 2 MB when full."""

    def __init__(self, window_s: float, most: int = MAX_ENTRIES) -> None:
        self.window_s = window_s
        self.most = most
        self._tallies: OrderedDict[str, Tally] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, key: str, now: float, account: str = "") -> int:
        """Count one more for the key and return the count in its running window. About 1 us."""
        with self._lock:
            tally = self._tallies.get(key)
            # A clock that went back begins a new window too: an old one would never end.
            if tally is None or not 0 <= now - tally.start < self.window_s:
                tally = self._tallies[key] = Tally(now)
                if len(self._tallies) > self.most:
                    self._tallies.popitem(last=False)
            self._tallies.move_to_end(key)
            tally.count += 1
            if account and len(tally.accounts) < MAX_ACCOUNTS:
                tally.accounts.add(account)
            return tally.count

    def get(self, key: str, now: float) -> Tally | None:
        """Return what is counted for the key in its running window."""
        with self._lock:
            tally = self._tallies.get(key)
            return tally if tally is not None and 0 <= now - tally.start < self.window_s else None

    def forget(self, key: str) -> None:
        """Begin the key anew."""
        with self._lock:
            self._tallies.pop(key, None)

    def clear(self) -> None:
        """Begin all keys anew."""
        with self._lock:
            self._tallies.clear()

    def __len__(self) -> int:
        return len(self._tallies)
