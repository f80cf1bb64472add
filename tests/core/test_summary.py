"""Summaries merge like the cells they stand for, survive packing, and what is no summary is told as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core import summary as module
from artisan_monitoring.core.histogram import COARSE_SCHEMA, SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import NotABatch
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.summary import (
    OTHERS,
    Summary,
    is_summarised,
    pack_summaries,
    pack_summary,
    summarise,
    unpack_summaries,
    unpack_summary,
)

REQUESTS = "http.server.request.duration"
SERIES = [Series(REQUESTS, "distribution", "s", (("http.route", f"/{number}/"),)) for number in range(5)]

values = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=6)
members = st.lists(st.tuples(st.sampled_from(SERIES), values), max_size=8)


def made(given_members: list) -> Summary:
    return summarise([(series, filled(numbers)) for series, numbers in given_members])


def filled(numbers: list[float]) -> Cell:
    cell = Cell()
    for number in numbers:
        cell.observe(number, SECONDS_BOUNDS)
    return cell


def plain(summary: Summary) -> tuple:
    cell = summary.cell
    columns = [(number, count, round(sum_, 6)) for number, count, sum_ in
               zip(summary.ids, summary.counts, summary.sums, strict=True) if count]  # fmt: skip
    return columns, cell.count, round(cell.sum, 6), cell.min, cell.max, cell.zero, cell.schema, cell.bins or {}


@given(members, members)
def test_merging_two_is_summarising_both(first: list, second: list) -> None:
    merged = made(first)
    merged.merge(made(second))
    assert plain(merged) == plain(made(first + second))


@given(members)
def test_columns_add_up_to_the_cell(some: list) -> None:
    summary = made(some)
    assert sum(summary.counts) == summary.cell.count == sum(len(numbers) for _, numbers in some)
    assert sum(summary.sums) == pytest.approx(summary.cell.sum)


@given(members)
def test_one_survives_packing(some: list) -> None:
    assert plain(unpack_summary(pack_summary(made(some)))) == plain(made(some))


@given(st.lists(members, max_size=6))
def test_an_hour_survives_packing(hour: list) -> None:
    slots = [(600 * at, 600, made(some)) for at, some in enumerate(hour)]
    found = unpack_summaries(pack_summaries(slots))
    assert [(start, width, plain(each)) for start, width, each in found] == [
        (start, width, plain(each)) for start, width, each in slots
    ]


@given(st.lists(members, min_size=1, max_size=3), st.data())
def test_broken_bytes_are_told_as_such(hour: list, data) -> None:
    one = pack_summary(made(hour[0]))
    many = pack_summaries([(600 * at, 600, made(some)) for at, some in enumerate(hour)])
    for packed, read in ((one, unpack_summary), (many, unpack_summaries)):
        cut = data.draw(st.integers(0, len(packed) - 1))
        with pytest.raises(NotABatch):
            read(packed[:cut])
    for read in (unpack_summary, unpack_summaries):
        with pytest.raises(NotABatch):
            read(b"SM1\xff\xff\xff\xff" if read is unpack_summary else b"SA1no")


def test_what_is_summarised_is_left_as_it_is() -> None:
    coarse, fine = filled([0.1] * 3), filled([0.1, 7.0])
    coarse.coarsen(COARSE_SCHEMA)
    fine.exemplars = {1: (7.0, 1.0, {"trace_id": "1"})}
    summary = summarise([(SERIES[0], coarse), (SERIES[1], fine)])
    assert (fine.schema, len(fine.bins or {}), fine.classic, bool(fine.exemplars)) == (
        5, 2, filled([0.1, 7.0]).classic, True,
    )  # fmt: skip
    assert (summary.cell.schema, summary.cell.exemplars, summary.cell.classic) == (COARSE_SCHEMA, None, None)


def test_series_beyond_the_most_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERIES_AT_MOST", 2)
    summary = made([(series, [1.0]) for series in SERIES])
    assert (len(summary.ids), summary.ids[0], sum(summary.counts), summary.cell.count) == (3, OTHERS, 5, 5)
    summary.merge(made([(series, [1.0, 1.0]) for series in reversed(SERIES)]))
    assert (len(summary.ids), sum(summary.counts), summary.cell.count) == (3, 15, 15)


def test_which_metrics_are_summarised() -> None:
    assert is_summarised(SERIES[0])
    assert not is_summarised(Series(REQUESTS, "counter", "s", ()))
    assert not is_summarised(Series("orders", "distribution", "s", ()))
