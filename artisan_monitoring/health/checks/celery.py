"""Checks of Celery by heartbeat: workers and beat leave notes in the store, and a note that ages says who is gone.

`control.ping` is not used: it costs its whole timeout every time, fails on a busy solo worker, and beat never answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...conf import active, get_settings
from ...stores import get_store
from ...stores.base import Note
from ..base import Check, CheckError, Measurement


@dataclass(frozen=True, kw_only=True)
class HeartbeatCheck(Check):
    """Expect at least one fresh note of a kind: "worker" or "beat"."""

    measures: ClassVar[str] = "heartbeatAge"

    name: str = "celery"
    component_id: str = "worker"
    critical: bool = False  # pages are served without it
    shared: bool = True
    fail_after_s: float = 90.0  # three heartbeats of 30 s

    def run(self) -> Sequence[Measurement]:
        """Return how many there are and the youngest heartbeat's age; CheckError when none is alive."""
        expected = get_settings().HEALTH.CELERY
        if not active() or expected == "off":
            return [Measurement("state", "not watched")]
        return judge(self.component_id, get_store().notes(self.component_id), expected == "on", self.fail_after_s)


_seen: set[str] = set()


def judge(kind: str, notes: Mapping[str, Note], expected: bool, fail_after_s: float) -> list[Measurement]:
    """Judge the heartbeats of one kind. Where none is expected and none was ever seen, the project has no Celery."""
    if notes:
        _seen.add(kind)
    elif not expected and kind not in _seen:
        return [Measurement("state", "never seen")]
    ages = [note.age_s for note in notes.values()]
    alive = sum(age <= fail_after_s for age in ages)
    if not alive:
        silence = f"no heartbeat of a {kind} for {round(min(ages))} s" if ages else f"no {kind} there"
        raise CheckError(silence, "silent")
    return [Measurement("heartbeatAge", round(min(ages), 1), "s"), Measurement("alive", alive, kind)]


def celery_checks() -> list[Check]:
    """Return the checks of worker and beat."""
    return [HeartbeatCheck(component_id="worker"), HeartbeatCheck(component_id="beat")]
