"""When monitoring costs more than it may: which of its costly parts are off, decided from samples and the time alone.

They go one by one, since nobody knows which of them it is, and come back one by one. A part whose return is followed by
its going again stays away for twice as long the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeAlias

PARTS: tuple[str, ...] = ("locals", "sql", "rules")
"""The costly parts, in the order in which they go."""

SHOWN = {
    "locals": "local variables in error samples",
    "sql": "SQL text of slow queries",
    "rules": "security rules",
}

WINDOW_S = 180.0
FEWEST = 20
"""Samples in the window from which on it says something."""

FEWEST_OVER = 3
"""One request that the machine has held up proves nothing."""

SPREAD_S = 30.0
"""Between the first and the last sample over the budget: less is one burst."""

TAIL = 0.01
"""The share of requests that may be over the budget: it is a p99."""

LOW_SHARE = 0.5
"""Below this share of the budget there is room for a part to come back."""

CALM_S = 300.0
LONGEST_CALM_S = 3600.0

Sample: TypeAlias = tuple[float, float]
"""When a request was measured, and what monitoring used in it; seconds both."""


@dataclass(frozen=True, slots=True)
class Level:
    """How many parts are off, since when, and how long it must be calm before the last of them comes back."""

    value: int = 0
    since: float = 0.0
    calm_s: float = CALM_S
    returned: bool = False
    """Whether it was reached from above."""

    @property
    def off(self) -> tuple[str, ...]:
        """The parts that are off."""
        return PARTS[: self.value]


def decide(level: Level, samples: Iterable[Sample], budget_s: float, now: float) -> Level:
    """Return the level from `now` on. Only samples taken at this level, in the last three minutes, count."""
    if budget_s <= 0:
        return Level()
    since = max(level.since, now - WINDOW_S)
    recent = [sample for sample in samples if sample[0] > since]
    if level.value < len(PARTS) and _is_high(recent, budget_s):
        calm_s = min(LONGEST_CALM_S, 2 * level.calm_s) if level.returned else level.calm_s
        return Level(level.value + 1, now, calm_s)
    calm = now - level.since >= level.calm_s
    if level.value and calm and _is_low(recent, budget_s):
        return Level(level.value - 1, now, level.calm_s, returned=True)
    if not level.value and level.returned and now - level.since >= LONGEST_CALM_S:
        return replace(level, calm_s=CALM_S, returned=False)
    return level


def p99(samples: Sequence[Sample]) -> float:
    """Return the 99th percentile of what samples used, by nearest rank; 0 without any."""
    used = sorted(used for _, used in samples)
    return used[ceil((1 - TAIL) * len(used)) - 1] if used else 0.0


def _is_high(recent: Sequence[Sample], budget_s: float) -> bool:
    over = [at for at, used in recent if used > budget_s]
    if len(recent) < FEWEST or len(over) < FEWEST_OVER or len(over) <= TAIL * len(recent):
        return False
    return max(over) - min(over) >= SPREAD_S


def _is_low(recent: Sequence[Sample], budget_s: float) -> bool:
    # Also where nothing was measured: a site that rests is not held up by what comes back.
    high = sum(used > LOW_SHARE * budget_s for _, used in recent)
    return high <= TAIL * len(recent)
