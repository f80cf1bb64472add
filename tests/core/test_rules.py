"""Alert decisions: what holds, since when, and what is said about it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.rules import (
    Before,
    Comparator,
    Rule,
    RuleKind,
    Sample,
    Standing,
    decide,
    duration,
    number,
    percent,
)

NOW = 1_800_000_000.0
ERRORS = Rule(RuleKind.ERROR_COUNT, threshold=10, window_s=300)
RATE = Rule(RuleKind.ERROR_RATE, threshold=0.05, window_s=300, minimum=50)
HEALTH = Rule(RuleKind.HEALTH, threshold=1, window_s=300)


def errors(*counts: float, ends: float = NOW) -> list[Sample]:
    """One sample a minute, the last of which holds `ends`."""
    first = ends - 60 * (len(counts) - 1)
    return [Sample(first + 60 * place, count) for place, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("comparator", "met"),
    [
        (Comparator.GTE, [False, True, True]),
        (Comparator.GT, [False, False, True]),
        (Comparator.LTE, [True, True, False]),
        (Comparator.LT, [True, False, False]),
    ],
)
def test_comparators_at_below_and_above_the_threshold(comparator: Comparator, met: list[bool]) -> None:
    rule = ERRORS._replace(comparator=comparator)
    assert [decide(rule, errors(count), NOW).met for count in (9, 10, 11)] == met


def test_errors_of_the_window_are_added_up_and_older_ones_are_not() -> None:
    decision = decide(ERRORS, errors(100, 100, 2, 1, 1, 1, 1, 1), NOW)
    # The window begins exactly where the second sample from the left ends.
    assert (decision.value, decision.standing) == (7, Standing.INACTIVE)


def test_a_slot_that_the_window_only_touches_counts_whole() -> None:
    assert decide(ERRORS, [Sample(NOW - 359, 10)], NOW).standing is Standing.FIRING
    assert decide(ERRORS, [Sample(NOW - 360, 10)], NOW).standing is Standing.INACTIVE


def test_no_errors_at_all_is_a_count_of_zero_not_an_unknown() -> None:
    assert decide(ERRORS, [], NOW).met is False
    assert decide(ERRORS._replace(comparator=Comparator.LT), [], NOW).met is True


def test_pending_becomes_firing_after_for() -> None:
    rule = ERRORS._replace(for_s=60)
    first = decide(rule, errors(10), NOW)
    assert (first.standing, first.since) == (Standing.PENDING, NOW)
    early = decide(rule, errors(10), NOW + 59, first.after)
    assert early.standing is Standing.PENDING
    late = decide(rule, errors(10), NOW + 60, early.after)
    assert (late.standing, late.since) == (Standing.FIRING, NOW)


def test_pending_that_stops_holding_is_forgotten_at_once() -> None:
    pending = Before(Standing.PENDING, NOW - 30, NOW - 1)
    assert decide(ERRORS._replace(for_s=60, keep_firing_for_s=600), [], NOW, pending).standing is Standing.INACTIVE


def test_firing_goes_on_for_keep_firing_for_and_says_so() -> None:
    rule = ERRORS._replace(keep_firing_for_s=120)
    firing = Before(Standing.FIRING, NOW - 600, NOW)
    kept = decide(rule, [], NOW + 119, firing)
    assert (kept.standing, kept.since, kept.met_at) == (Standing.FIRING, NOW - 600, NOW)
    assert "Kept firing for 2 min" in kept.why
    assert decide(rule, [], NOW + 120, kept.after).standing is Standing.INACTIVE


def test_rate_is_judged_only_on_enough_traffic() -> None:
    few = decide(RATE, [Sample(NOW - 60, 40, 49)], NOW)
    assert (few.met, few.standing) == (None, Standing.INACTIVE)
    assert "Too few to judge by: the rule wants 50." in few.why
    enough = decide(RATE, [Sample(NOW - 60, 5, 100)], NOW)
    assert enough.standing is Standing.FIRING
    assert enough.why == "5 % of requests failed in 5 min (5 of 100); the rule says at least 5 %."


def test_rate_is_of_the_whole_window_not_a_mean_of_minutes() -> None:
    decision = decide(RATE, [Sample(NOW - 60, 10, 10), Sample(NOW, 0, 990)], NOW)
    assert decision.value == pytest.approx(0.01)
    assert decision.standing is Standing.INACTIVE


def test_an_error_rate_alert_does_not_resolve_because_the_site_fell_silent() -> None:
    firing = Before(Standing.FIRING, NOW - 600, NOW)
    assert decide(RATE, [], NOW + 299, firing).standing is Standing.FIRING
    assert decide(RATE, [], NOW + 300, firing).standing is Standing.INACTIVE


def test_a_state_is_what_was_seen_last() -> None:
    samples = [Sample(NOW, 1, note="The health check database fails."), Sample(NOW - 30, 0, note="well")]
    decision = decide(HEALTH, samples, NOW)
    assert (decision.standing, decision.why) == (Standing.FIRING, "The health check database fails.")
    assert decide(HEALTH, [], NOW).met is None


def test_a_clock_that_went_back_neither_fires_early_nor_breaks() -> None:
    rule = ERRORS._replace(for_s=60)
    pending = Before(Standing.PENDING, NOW + 500, NOW + 500)
    decision = decide(rule, errors(10), NOW, pending)
    assert (decision.standing, decision.since) == (Standing.PENDING, NOW)


samples_strategy = st.lists(
    st.builds(
        Sample,
        at=st.floats(NOW - 1000, NOW + 200),
        value=st.integers(0, 50).map(float),
        weight=st.integers(50, 500).map(float),
        note=st.text(max_size=5),
    ),
    max_size=30,
)
rules_strategy = st.builds(
    Rule,
    kind=st.sampled_from(RuleKind),
    threshold=st.floats(0.01, 100),
    comparator=st.sampled_from(Comparator),
    window_s=st.integers(60, 1200),
    for_s=st.integers(0, 300),
    keep_firing_for_s=st.integers(0, 300),
    minimum=st.integers(0, 2000).map(float),
)


@given(rules_strategy, samples_strategy, st.randoms())
def test_decision_does_not_depend_on_the_order_of_samples(rule: Rule, samples: list[Sample], random: object) -> None:
    # Two samples of one instant have no order; real slots are distinct.
    samples = list({sample.at: sample for sample in samples}.values())
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(rule, samples, NOW) == decide(rule, shuffled, NOW)


@given(rules_strategy, samples_strategy)
def test_more_errors_never_take_an_alert_back(rule: Rule, samples: list[Sample]) -> None:
    rule = rule._replace(kind=RuleKind.ERROR_COUNT, comparator=Comparator.GTE, minimum=0)
    more = [*samples, Sample(NOW, 1)]
    if decide(rule, samples, NOW).met:
        assert decide(rule, more, NOW).met


@given(rules_strategy, st.lists(st.tuples(st.integers(0, 120), samples_strategy), min_size=2, max_size=12))
def test_every_run_obeys_for_and_keep_firing_for(rule: Rule, steps: list[tuple[int, list[Sample]]]) -> None:
    now, before, decisions = NOW, Before(), []
    for wait, samples in steps:
        now += wait
        decision = decide(rule, samples, now, before)
        before = decision.after
        decisions.append((now, decision))
        assert decision.since <= now
        assert decision.met_at <= now
        assert decision.why.strip()
        if decision.met:
            assert decision.standing is not Standing.INACTIVE
    for (_, earlier), (at, later) in pairwise(decisions):
        if later.standing is Standing.FIRING and earlier.standing is not Standing.FIRING:
            assert at - later.since >= rule.for_s
        if earlier.standing is Standing.FIRING and later.met is False:
            kept = later.standing is Standing.FIRING
            assert kept == (at - earlier.met_at < rule.keep_firing_for_s)


@given(samples_strategy)
def test_deciding_again_at_the_same_instant_changes_nothing(samples: list[Sample]) -> None:
    once = decide(ERRORS, samples, NOW)
    assert decide(ERRORS, samples, NOW, once.after) == once


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-5, "0 s"), (45, "45 s"), (300, "5 min"), (5400, "1 h 30 min"), (90_061, "1 d 1 h")],
)
def test_durations_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_as_a_person_reads_them() -> None:
    assert [number(12.0), number(1024), number(0.5)] == ["12", "1,024", "0.50"]
    assert [percent(0.042), percent(0.12345), percent(1.0), percent(0.0)] == ["4.2 %", "12.3 %", "100 %", "0 %"]
    assert number(math.pi) == "3.14"
