"""Slots of time, and what becomes of a minute that is too early or too late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.windows import DAY, HOUR, MINUTE, clamp_minute, floor, step_for

NOW = 1_700_000_000.0
MINUTE_NOW = floor(NOW, MINUTE)


@pytest.mark.parametrize(
    ("minute", "expected", "moved"),
    [
        (MINUTE_NOW, MINUTE_NOW, False),
        (MINUTE_NOW + 60, MINUTE_NOW + 60, False),
        (MINUTE_NOW + 600, MINUTE_NOW, True),
        (MINUTE_NOW - 3600, MINUTE_NOW - 3600, False),
        (MINUTE_NOW - DAY - 600, floor(MINUTE_NOW - DAY - 600, HOUR), True),
    ],
)
def test_minutes_far_from_the_stores_clock_are_moved(minute: int, expected: int, moved: bool) -> None:
    assert clamp_minute(minute, NOW) == (expected, moved)


@given(st.integers(60, 10 * 365 * DAY), st.integers(1, 120))
def test_a_window_never_makes_more_points_than_asked(length: int, points: int) -> None:
    step = step_for(0, length, points)

    assert step % MINUTE == 0
    assert -(-length // step) <= points or step == MINUTE
