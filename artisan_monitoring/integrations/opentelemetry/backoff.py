"""After a failure all processes of a deployment wait: a period, then twice as long each time, up to ten minutes."""

from __future__ import annotations

import random

from ...conf import get_settings
from ...health.checks.otlp import NOTE
from ...stores.base import Store
from .sending import NotExported

LONGEST_PAUSE_S = 600.0


class Backoff:
    """The pause of one signal (metrics, logs), kept as a note in the store."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        note = store.notes(NOTE).get(name)
        told = note.value if note is not None else {}
        self.failures = int(told.get("failures", 0))
        self._until = float(told.get("until", 0.0))
        self._problem = str(told.get("problem", ""))

    def check(self) -> None:
        """Raise `NotExported` while the pause lasts: the job is not well before an export has succeeded."""
        if self._store.now() < self._until:
            raise NotExported(f"waiting after {self.failures} failures: {self._problem}")

    def failed(self, problem: NotExported) -> None:
        """Begin a pause, the longer the more failures came before it; the endpoint may have asked for more."""
        period_s = get_settings().OTLP.PERIOD_S
        longest_s = min(LONGEST_PAUSE_S, period_s * 2 ** min(self.failures, 10))
        pause_s = max(longest_s * random.uniform(0.75, 1.0), problem.retry_after_s)  # noqa: S311
        self._keep(self.failures + 1, self._store.now() + pause_s, str(problem), pause_s + 2 * LONGEST_PAUSE_S)

    def succeeded(self) -> None:
        """End it."""
        if self.failures:
            self._keep(0, 0.0, "", 1.0)

    def _keep(self, failures: int, until: float, problem: str, ttl_s: float) -> None:
        self._store.set_note(NOTE, self._name, {"failures": failures, "until": until, "problem": problem}, ttl_s)
