"""The budget's decision: parts go one by one while it costs too much, and come back one by one when it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.budget import (
    CALM_S,
    FEWEST,
    LONGEST_CALM_S,
    PARTS,
    SHOWN,
    Level,
    Sample,
    decide,
    p99,
)

BUDGET_S = 0.002
NOW = 1_000_000.0


def samples(used_s: float, count: int = 40, over: float = 120.0, until: float = NOW) -> list[Sample]:
    """Evenly spread over the seconds before a time."""
    return [(until - over + (number + 1) * over / count, used_s) for number in range(count)]


def test_below_the_budget_nothing_goes() -> None:
    assert decide(Level(), samples(0.0019), BUDGET_S, NOW) == Level()


def test_above_it_the_first_part_goes() -> None:
    level = decide(Level(), samples(0.0021), BUDGET_S, NOW)
    assert (level.value, level.since, level.off) == (1, NOW, ("locals",))


def test_then_the_next_by_what_was_measured_since() -> None:
    level = Level(1, NOW)
    assert decide(level, samples(0.0021), BUDGET_S, NOW + 5) == level  # all of them from before
    after = NOW + 130
    assert decide(level, samples(0.0021, until=after), BUDGET_S, after).off == ("locals", "sql")
    assert decide(Level(2, NOW), samples(0.0021, until=after), BUDGET_S, after).off == PARTS
    assert decide(Level(3, NOW), samples(1.0, until=after), BUDGET_S, after).value == 3


def test_what_is_not_sustained_proves_nothing() -> None:
    assert decide(Level(), samples(0.1, count=FEWEST - 1), BUDGET_S, NOW).value == 0
    assert decide(Level(), samples(0.1, over=20.0), BUDGET_S, NOW).value == 0  # a burst
    held_up = [*samples(0.0001), (NOW - 100, 0.5), (NOW - 1, 0.5)]
    assert decide(Level(), held_up, BUDGET_S, NOW).value == 0
    assert decide(Level(), [*held_up, (NOW - 50, 0.5)], BUDGET_S, NOW).value == 1
    of_a_thousand = [*samples(0.0001, count=1000), *((NOW - ago, 0.5) for ago in (5, 50, 90))]
    assert decide(Level(), of_a_thousand, BUDGET_S, NOW).value == 0  # within the one percent


def test_old_samples_do_not_count() -> None:
    assert decide(Level(), samples(0.1, until=NOW - 300), BUDGET_S, NOW).value == 0


def test_a_part_comes_back_when_it_was_calm_for_long_enough() -> None:
    level, soon, later = Level(3, NOW), NOW + CALM_S - 1, NOW + CALM_S
    assert decide(level, samples(0.0001, until=soon), BUDGET_S, soon) == level
    assert decide(level, samples(0.0001, until=later), BUDGET_S, later).off == ("locals", "sql")
    assert decide(level, [], BUDGET_S, later).value == 2  # nobody came
    # Under the budget, and not so far that what comes back would fit in.
    assert decide(level, samples(0.0015, until=later), BUDGET_S, later) == level


def test_a_part_that_has_to_go_again_stays_away_for_twice_as_long() -> None:
    level, now, calms = Level(1, NOW), NOW, []
    for _ in range(6):
        now += level.calm_s
        level = decide(level, [], BUDGET_S, now)
        assert level.value == 0
        now += 130
        level = decide(level, samples(0.1, until=now), BUDGET_S, now)
        assert level.value == 1
        calms.append(level.calm_s)
    assert calms == [600, 1200, 2400, 3600, 3600, 3600]


def test_after_an_hour_without_trouble_that_is_forgotten() -> None:
    level = Level(0, NOW, 2400.0, returned=True)
    assert decide(level, [], BUDGET_S, NOW + LONGEST_CALM_S - 1) == level
    assert decide(level, [], BUDGET_S, NOW + LONGEST_CALM_S).calm_s == CALM_S


def test_no_budget_no_steps() -> None:
    assert decide(Level(3, NOW), samples(9.0), 0.0, NOW + 1) == Level()


@given(
    st.integers(0, len(PARTS)),
    st.lists(st.tuples(st.floats(NOW - 400, NOW), st.floats(0, 10)), max_size=60),
    st.floats(0, 0.1),
    st.floats(0, 5000),
)
def test_never_more_than_a_step_and_never_out_of_bounds(
    value: int, given_samples: list[Sample], budget_s: float, age_s: float
) -> None:
    level = decide(Level(value, NOW - age_s), given_samples, budget_s, NOW)
    assert 0 <= level.value <= len(PARTS)
    assert abs(level.value - value) <= 1 or not budget_s
    assert len(level.off) == level.value
    assert decide(level, given_samples, budget_s, NOW) == level or not budget_s  # and then it is settled


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0.0), (1, 1.0), (99, 99.0), (100, 99.0), (101, 100.0), (200, 198.0)]
)
def test_p99_is_the_nearest_rank(count: int, expected: float) -> None:
    assert p99([(0.0, float(number)) for number in range(1, count + 1)]) == expected


def test_every_part_has_a_name_for_people() -> None:
    assert set(SHOWN) == set(PARTS)
