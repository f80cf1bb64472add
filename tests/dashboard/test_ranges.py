"""What an address asks for: a window, a range, or neither; each wrong one gets a sentence and a window all the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.windows import DAY, HOUR, MINUTE
from artisan_monitoring.dashboard.ranges import POINTS, chosen
from artisan_monitoring.dashboard.windows import DEFAULT, SPANS, iso_minute

NOW = datetime(2026, 11, 24, 12, 30, 20, tzinfo=UTC).timestamp()


def asked(begins: float | str = "", ends: float | str = "", now: float = NOW):
    texts = [each if isinstance(each, str) else iso_minute(each) for each in (begins, ends)]
    return chosen({"from": texts[0], "to": texts[1]}, now)


@pytest.mark.parametrize("key", SPANS)
def test_a_window_by_its_name(key):
    assert chosen({"window": key}, NOW) == chosen({"window": f" {key} ", "from": "", "to": ""}, NOW)
    found = chosen({"window": key}, NOW)
    assert (found.span, found.notice) == (SPANS[key], "")


@pytest.mark.parametrize("query", [{}, {"window": ""}, {"from": " ", "to": ""}])
def test_nothing_asked_for_is_the_last_hour(query):
    assert (chosen(query, NOW).span, chosen(query, NOW).notice) == (DEFAULT, "")


@pytest.mark.parametrize("asked_for", ["0", "-1h", "10y", "1H", "24h\x00", "x" * 5000, "سبع", "<b>"])
def test_anything_else_is_the_last_hour_and_says_so(asked_for):
    found = chosen({"window": asked_for}, NOW)
    assert found.span is DEFAULT
    assert asked_for[:40] in found.notice
    assert found.notice.endswith("Shown is the last hour.")
    assert len(found.notice) < 250


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        ("2026-11-24T11:00", "2026-11-24T11:00", "no length"),
        ("2026-11-24T11:00", "2026-11-24T10:00", "ends before it begins"),
        ("2026-11-24T12:31", "", "in the future"),
        ("2026-11-25T00:00", "2026-11-26T00:00", "in the future"),
        ("2016-11-24T00:00", "2017-11-24T00:00", "older than anything"),
        ("0001-01-01T00:00+23:59", "0001-01-02", "older than anything"),
        ("yesterday", "", "“yesterday” is no time"),
        ("", "9999-99-99", "“9999-99-99” is no time"),
        ("١٢", "", "is no time"),
        ("9" * 5000, "", "…” is no time"),
    ],
)
def test_a_range_that_cannot_be_shown(begins, ends, said):
    found = asked(begins, ends)
    assert said in found.notice
    assert (found.span, len(found.notice) < 250) == (DEFAULT, True)


@pytest.mark.parametrize(
    ("begins", "ends", "first", "last", "step", "said"),
    [
        ("2026-11-24T10:00", "2026-11-24T11:30", "2026-11-24T10:00", "2026-11-24T11:30", MINUTE, ""),
        ("2026-11-24T10:00", "2026-11-24T12:00", "2026-11-24T10:00", "2026-11-24T12:00", 2 * MINUTE, ""),
        ("2026-11-24T10:00+02:00", "2026-11-24T09:00Z", "2026-11-24T08:00", "2026-11-24T09:00", MINUTE, ""),
        ("2026-11-24T11:40", "", "2026-11-24T11:40", "2026-11-24T12:31", MINUTE, ""),
        ("", "2026-11-24T09:00", "2026-11-24T08:00", "2026-11-24T09:00", MINUTE, ""),
        ("2026-11-24T12:00", "2026-11-25T12:00", "2026-11-24T12:00", "2026-11-24T12:31", MINUTE, "ends in the future"),
        ("2026-11-22T10:05", "2026-11-22T11:00", "2026-11-22T10:00", "2026-11-22T11:00", 10 * MINUTE, ""),
        ("2026-11-10T10:05", "2026-11-10T12:00", "2026-11-10T10:00", "2026-11-10T12:00", HOUR, ""),
        ("2026-11-23", "2026-11-24", "2026-11-23T00:00", "2026-11-24T00:00", 20 * MINUTE, ""),
        ("2016-01-01", "2026-11-24T12:00", "2026-08-26T00:00", "2026-11-25T00:00", DAY, "90 days"),
    ],
)
def test_a_range_is_cut_into_slots_that_are_stored(begins, ends, first, last, step, said):
    found = asked(begins, ends)
    assert (found.span.begins, found.span.ends, found.span.step_s) == (first, last, step)
    assert said in found.notice
    assert bool(said) == bool(found.notice)


@given(st.integers(1, 89 * 1440), st.integers(1, 89 * 1440), st.integers(0, 86_399))
def test_never_too_many_points_and_nothing_left_out(one: int, other: int, clock: int):
    now = NOW + clock
    back, ahead = max(one, other) + 1, min(one, other)
    begins, ends = (int(now) // 60 * 60 - minutes * MINUTE for minutes in (back, ahead))
    found = asked(begins, ends, now)
    slots = found.span.slots(now)
    assert found.notice == ""
    assert 1 <= len(slots) <= POINTS
    assert slots.start <= begins < slots.start + found.span.step_s
    assert slots.stop - found.span.step_s < ends <= slots.stop
    assert slots.start % found.span.step_s == 0
