"""The last whole day or week by the wall clock, whatever the clocks were set to meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.calendar_periods import last_period

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "period", "begin", "end"),
    [
        ("2026-05-06T06:59", "daily", "2026-05-04T07:00", "2026-05-05T07:00"),
        ("2026-05-06T07:00", "daily", "2026-05-05T07:00", "2026-05-06T07:00"),
        ("2026-05-06T12:00", "weekly", "2026-04-27T07:00", "2026-05-04T07:00"),
        ("2026-05-04T06:59", "weekly", "2026-04-20T07:00", "2026-04-27T07:00"),
        ("2026-05-04T07:00", "weekly", "2026-04-27T07:00", "2026-05-04T07:00"),
    ],
)
def test_ends_at_the_hour_and_weeks_on_monday(now, period, begin, end):
    found = last_period(datetime.fromisoformat(now).replace(tzinfo=UTC), period, 7)
    assert [each.isoformat()[:16] for each in found] == [begin, end]


def test_day_on_which_the_clock_was_set_forward_has_23_hours():
    begin, end = last_period(datetime(2026, 3, 29, 12, tzinfo=BERLIN), "daily", 7)
    assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(hours=23)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda each: each.replace(tzinfo=UTC))


@given(moments, st.sampled_from(["daily", "weekly"]), st.integers(0, 23), st.sampled_from([UTC, BERLIN]))
def test_period_is_over_and_the_next_is_not(now, period, hour, zone):
    local = now.astimezone(zone)
    begin, end = last_period(local, period, hour)
    length = timedelta(days=7 if period == "weekly" else 1)
    assert end <= local < end + length + timedelta(hours=1)
    assert end.replace(tzinfo=None) - begin.replace(tzinfo=None) == length
    assert last_period(end, period, hour) == (begin, end)
