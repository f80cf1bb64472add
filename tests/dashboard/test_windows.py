"""Windows: what an address may ask for, and how it is cut."""

from __future__ import annotations

import pytest

from artisan_monitoring.dashboard.windows import SPANS, Span

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


def test_a_range_stays_where_it_is():
    span = Span("x", "x", 3600, 60, 1_700_003_400)
    assert span.slots(NOW) == span.slots(NOW + 86_400) == range(1_699_999_800, 1_700_003_400, 60)
    assert span.query == "from=2023-11-14T22:10&to=2023-11-14T23:10"
    assert (span.begins, span.ends) == ("2023-11-14T22:10", "2023-11-14T23:10")
    assert (SPANS["6h"].query, SPANS["6h"].begins, SPANS["6h"].ends) == ("window=6h", "", "")
