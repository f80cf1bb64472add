"""Windows: what an address may ask for, and how it is cut."""

from __future__ import annotations

import pytest

from artisan_monitoring.dashboard.windows import DEFAULT, SPANS, chosen

NOW = 1_700_003_333.5


@pytest.mark.parametrize("key", SPANS)
def test_slots_end_with_the_running_one_and_are_at_most_sixty(key):
    slots = SPANS[key].slots(NOW)
    assert len(slots) * SPANS[key].step_s == SPANS[key].length_s
    assert len(slots) <= 60
    assert slots[-1] <= NOW < slots[-1] + SPANS[key].step_s
    assert slots[0] % SPANS[key].step_s == 0


@pytest.mark.parametrize("key", SPANS)
def test_hours_cover_the_slots(key):
    hours = list(SPANS[key].hours(NOW))
    slots = SPANS[key].slots(NOW)
    assert all(hour % 3600 == 0 for hour in hours)
    assert hours[0] <= slots[0]
    assert hours[-1] + 3600 >= slots.stop


@pytest.mark.parametrize("asked", [None, "", "0", "-1h", "10y", "1H", "24h\x00", "x" * 5000, "سبع", ["1h"]])
def test_anything_else_is_the_last_hour(asked):
    assert chosen(asked) is DEFAULT
