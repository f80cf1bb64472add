"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.dashboard import figures


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (figures.count, 0, "0"),
        (figures.count, 12_345, "12,345"),
        (figures.count, 1_234_567, "1.2 M"),
        (figures.count, 3e13, "30.0 T"),
        (figures.count, 1e300, "1e+300"),
        (figures.count, None, "–"),
        (figures.number, 4.966, "4.97"),
        (figures.number, 250_000, "250,000"),
        (figures.number, math.nan, "–"),
        (figures.number, math.inf, "–"),
        (figures.share, 0.0, "0 %"),
        (figures.share, 0.0004, "0.04 %"),
        (figures.share, 0.000214, "0.02 %"),
        (figures.share, 0.032, "3.2 %"),
        (figures.share, 0.41, "41 %"),
        (figures.share, 1.0, "100 %"),
        (figures.duration, 1e-9, "0 ms"),
        (figures.duration, 0.00002, "0.02 ms"),
        (figures.duration, 0.0004, "0.4 ms"),
        (figures.duration, 0.0123, "12 ms"),
        (figures.duration, 0.99999, "1 s"),
        (figures.duration, 1.25, "1.25 s"),
        (figures.duration, 210, "3.5 min"),
        (figures.duration, 7200, "2 h"),
        (figures.age, 4.2, "4 s"),
        (figures.age, -3, "0 s"),
        (figures.age, 700, "12 min"),
        (figures.age, 90_000, "25 h"),
        (figures.age, 9 * 86_400, "9 d"),
        (figures.size, 812, "812 B"),
        (figures.size, 4_100, "4.1 kB"),
        (figures.size, 64_000_000, "64 MB"),
    ],
)
def test_reads_as_a_person_writes_it(show, value, text):
    assert show(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.25, "s", "250 ms"), (250, "ms", "250 ms"), (2_000, "By", "2 kB"), (7.5, "EUR", "7.5"), (-2, "s", "-2"),
     (math.inf, "s", "–"), (None, "s", "–")],
)  # fmt: skip
def test_a_metrics_unit_decides(value, unit, text):
    assert figures.by_unit(value, unit) == text


@given(st.floats() | st.integers(-(10**30), 10**30), st.sampled_from(["s", "ms", "By", "count", ""]))
def test_no_number_is_too_much(value, unit):
    assert len(figures.by_unit(float(value), unit)) < 20


def test_times_are_utc():
    assert figures.clock(1_700_000_000) == "22:13"
    assert figures.clock(1_700_000_000, 3600) == "14 Nov 22:13"
    assert figures.iso(1_700_000_000) == "2023-11-14T22:13:20Z"
