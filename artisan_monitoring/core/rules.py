"""Alert rules as pure decisions: a rule, what was measured, what stood before and the time give what stands now.

The same function judges live numbers and replayed ones. The life of a condition is Prometheus' (documentation,
"Alerting rules"): inactive, pending while it has held for less than `for_s`, then firing, and firing on for
`keep_firing_for_s` after it last held.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple


class RuleKind(StrEnum):
    """What a rule looks at."""

    ERROR_COUNT = "error_count"
    ERROR_RATE = "error_rate"
    HEALTH = "health"
    JOB_OVERDUE = "job_overdue"


class Comparator(StrEnum):
    """How the measured value is held against the threshold."""

    GTE = "gte"
    GT = "gt"
    LTE = "lte"
    LT = "lt"


class Standing(StrEnum):
    """Where a condition stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


COMPARE: dict[Comparator, Callable[[float, float], bool]] = {
    Comparator.GTE: operator.ge,
    Comparator.GT: operator.gt,
    Comparator.LTE: operator.le,
    Comparator.LT: operator.lt,
}
SIGNS: dict[Comparator, str] = {
    Comparator.GTE: "at least",
    Comparator.GT: "more than",
    Comparator.LTE: "at most",
    Comparator.LT: "less than",
}


class Rule(NamedTuple):
    """What a decision needs of a rule. `window_s`, `for_s` and `keep_firing_for_s` are seconds.

    `threshold` is a count for counts and a share (0..1) for rates; `minimum` is the least traffic (the sum of the
    samples' weights) on which a rate is judged at all.
    """

    kind: RuleKind
    threshold: float
    comparator: Comparator = Comparator.GTE
    window_s: int = 300
    for_s: int = 0
    keep_firing_for_s: int = 0
    minimum: float = 0.0


class Sample(NamedTuple):
    """What was measured in the slot of `width_s` seconds that starts at `at` (seconds since the epoch).

    For a count `value` is the count; for a rate it is the number of bad outcomes among `weight` outcomes; for a state
    (health, a job) it is how many things are wrong, and `note` names them.
    """

    at: float
    value: float
    weight: float = 0.0
    width_s: float = 60.0
    note: str = ""


class Before(NamedTuple):
    """What stood after the last decision: since when the condition has held, and when it was last seen to hold."""

    standing: Standing = Standing.INACTIVE
    since: float = 0.0
    met_at: float = 0.0


NOTHING_BEFORE = Before()


class Decision(NamedTuple):
    """What stands now. `met` is None when there was too little to judge by; `why` is one sentence for a person."""

    standing: Standing
    met: bool | None
    value: float | None
    weight: float
    since: float
    met_at: float
    why: str

    @property
    def after(self) -> Before:
        """What the next decision is given as `before`."""
        return Before(self.standing, self.since, self.met_at)


def decide(rule: Rule, samples: Sequence[Sample], now: float, before: Before = NOTHING_BEFORE) -> Decision:
    """Judge `rule` at `now` (seconds since the epoch) by `samples`, in any order; those outside the window are ignored.

    A slot that the window only touches counts whole: rounding outwards may say too much for a minute, and never
    misses. A clock that went backwards makes no duration negative.
    """
    inside = [each for each in samples if each.at <= now and each.at + each.width_s > now - rule.window_s]
    value, weight = AGGREGATES[rule.kind](inside)
    met = _met(rule, value, weight)
    standing, since = _advance(rule, met, now, before)
    met_at = max(before.met_at, now) if met else before.met_at
    decision = Decision(standing, met, value, weight, since, met_at, "")
    return decision._replace(why=explain(rule, decision, inside))


def _met(rule: Rule, value: float | None, weight: float) -> bool | None:
    if value is None or weight < rule.minimum:
        return None
    return COMPARE[rule.comparator](value, rule.threshold)


def _advance(rule: Rule, met: bool | None, now: float, before: Before) -> tuple[Standing, float]:
    """Return the standing and since when it has been so."""
    if met:
        since = now if before.standing is Standing.INACTIVE else min(before.since, now)
        fires = before.standing is Standing.FIRING or now - since >= rule.for_s
        return (Standing.FIRING if fires else Standing.PENDING), since
    if before.standing is Standing.INACTIVE:
        return Standing.INACTIVE, 0.0
    # Not knowing is not recovery: with too little traffic to judge by, what stood stands for one more window.
    grace = rule.keep_firing_for_s if met is False else max(rule.keep_firing_for_s, rule.window_s)
    holds = before.standing is Standing.FIRING or met is None
    if holds and now - before.met_at < grace:
        return before.standing, before.since
    return Standing.INACTIVE, 0.0


def _total(samples: Sequence[Sample]) -> tuple[float | None, float]:
    total = sum(each.value for each in samples)
    return total, total


def _share(samples: Sequence[Sample]) -> tuple[float | None, float]:
    weight = sum(each.weight for each in samples)
    if weight <= 0:
        return None, 0.0
    return sum(each.value for each in samples) / weight, weight


def _latest(samples: Sequence[Sample]) -> tuple[float | None, float]:
    if not samples:
        return None, 0.0
    return max(samples, key=lambda each: each.at).value, float(len(samples))


AGGREGATES: dict[RuleKind, Callable[[Sequence[Sample]], tuple[float | None, float]]] = {
    RuleKind.ERROR_COUNT: _total,
    RuleKind.ERROR_RATE: _share,
    RuleKind.HEALTH: _latest,
    RuleKind.JOB_OVERDUE: _latest,
}
"""Each gives (value, weight) of the samples in the window; the value is None when there is nothing to judge by."""


def explain(rule: Rule, decision: Decision, samples: Sequence[Sample]) -> str:
    """Say in one sentence what was measured and what the rule asks for."""
    if decision.value is None:
        return f"Nothing was measured in {duration(rule.window_s)}."
    sentence = _SENTENCES[rule.kind](rule, decision, samples)
    if decision.met is None:
        return f"{sentence} Too few to judge by: the rule wants {number(rule.minimum)}."
    if decision.standing is Standing.FIRING and not decision.met:
        return f"{sentence} Kept firing for {duration(rule.keep_firing_for_s)} after it last held."
    return sentence


def _count_sentence(rule: Rule, decision: Decision, samples: Sequence[Sample]) -> str:
    noun = "error" if decision.value == 1 else "errors"
    asked = f"{SIGNS[rule.comparator]} {number(rule.threshold)}"
    return f"{number(decision.value or 0.0)} {noun} in {duration(rule.window_s)}; the rule says {asked}."


def _rate_sentence(rule: Rule, decision: Decision, samples: Sequence[Sample]) -> str:
    bad = number(sum(each.value for each in samples))
    asked = f"{SIGNS[rule.comparator]} {percent(rule.threshold)}"
    measured = f"{percent(decision.value or 0.0)} of requests failed in {duration(rule.window_s)}"
    return f"{measured} ({bad} of {number(decision.weight)}); the rule says {asked}."


def _state_sentence(rule: Rule, decision: Decision, samples: Sequence[Sample]) -> str:
    note = max(samples, key=lambda each: each.at).note
    return note if note else f"{number(decision.value or 0.0)} things are wrong."


_SENTENCES: dict[RuleKind, Callable[[Rule, Decision, Sequence[Sample]], str]] = {
    RuleKind.ERROR_COUNT: _count_sentence,
    RuleKind.ERROR_RATE: _rate_sentence,
    RuleKind.HEALTH: _state_sentence,
    RuleKind.JOB_OVERDUE: _state_sentence,
}


def duration(seconds: float) -> str:
    """Return a span of time as a person says it: `45 s`, `5 min`, `2 h`, `3 d`, `1 h 30 min`."""
    rest = max(0, int(seconds))
    parts = []
    for unit, width in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if rest >= width:
            parts.append(f"{rest // width} {unit}")
            rest %= width
    return " ".join(parts[:2]) or "0 s"


def number(value: float) -> str:
    """Return a number without needless decimals: `12`, `0.5`, `1,024`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def percent(share: float) -> str:
    """Return a share (0..1) as a percentage: `4.2 %`, `12 %`."""
    return f"{share * 100:.3g} %" if share < 1 else f"{share * 100:.0f} %"
