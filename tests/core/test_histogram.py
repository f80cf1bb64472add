"""Cells merge like the values they stand for, and their quantiles stay within the promised error."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.histogram import (
    COARSE_SCHEMA,
    MAX_BINS,
    SCHEMA,
    SECONDS_BOUNDS,
    Cell,
    bounds_for,
)

values = st.floats(min_value=0, max_value=1e9, allow_nan=False)
durations = st.floats(min_value=1e-4, max_value=60)


def filled(observations: list[float]) -> Cell:
    cell = Cell()
    for value in observations:
        cell.observe(value, SECONDS_BOUNDS)
    return cell


def same(left: Cell, right: Cell) -> bool:
    schema = min(left.schema, right.schema)
    left, right = left.copy(), right.copy()
    left.coarsen(schema)
    right.coarsen(schema)
    exact = ("count", "min", "max", "zero", "bins", "classic")
    return all(getattr(left, name) == getattr(right, name) for name in exact) and math.isclose(
        left.sum, right.sum, rel_tol=1e-9, abs_tol=1e-9
    )


@given(st.lists(values), st.lists(values))
def test_merging_two_cells_is_observing_both(first: list[float], second: list[float]) -> None:
    merged = filled(first)
    merged.merge(filled(second))

    assert same(merged, filled(first + second))


@given(st.lists(values, max_size=30), st.lists(values, max_size=30), st.lists(values, max_size=30))
def test_merging_does_not_depend_on_the_order(first: list[float], second: list[float], third: list[float]) -> None:
    left = filled(first)
    left.merge(filled(second))
    left.merge(filled(third))
    right = filled(third)
    right.merge(filled(first))
    right.merge(filled(second))

    assert same(left, right)


def inverted_cdf(observations: list[float], q: float) -> float:
    return sorted(observations)[max(1, math.ceil(q * len(observations) - 1e-9)) - 1]


@given(st.lists(durations, min_size=1, max_size=300), st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]))
def test_a_quantile_is_within_the_bound_of_its_schema(observations: list[float], q: float) -> None:
    cell = filled(observations)
    bound = {SCHEMA: 0.0109, COARSE_SCHEMA: 0.0217}.get(cell.schema, 0.05)

    assert cell.quantile(q) == pytest.approx(inverted_cdf(observations, q), rel=bound)


@given(st.lists(durations, min_size=1, max_size=200))
def test_a_coarser_histogram_counts_the_same(observations: list[float]) -> None:
    cell = filled(observations)
    cell.coarsen(COARSE_SCHEMA)

    assert sum((cell.bins or {}).values()) + cell.zero == len(observations)
    assert cell.quantile(0.5) == pytest.approx(inverted_cdf(observations, 0.5), rel=0.0217)


@pytest.mark.parametrize("value", [2.0**-10, 0.5, 1.0, 2.0, 1024.0])
def test_a_boundary_belongs_to_the_bin_it_closes(value: float) -> None:
    cell = filled([value])
    (index,) = cell.bins or {}

    assert 2.0 ** ((index - 1) / 32) < value <= 2.0 ** (index / 32)


def test_classic_buckets_count_exactly_at_their_boundaries() -> None:
    cell = filled([0.005, 0.0051, 10.0, 11.0])

    assert cell.classic == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]


def test_bins_are_bounded_by_coarsening() -> None:
    cell = filled([1.03**power for power in range(-600, 600)])

    assert len(cell.bins or {}) <= MAX_BINS
    assert cell.schema < SCHEMA
    assert sum((cell.bins or {}).values()) == 1200


def test_below_a_billionth_is_the_zero_bin() -> None:
    cell = filled([0.0, 1e-10, 1.0])

    assert cell.zero == 2
    assert cell.quantile(0.5) == 0.0


def test_an_empty_cell_has_no_average_and_no_quantile() -> None:
    assert Cell().avg is None
    assert Cell().quantile(0.5) is None


def test_an_older_time_never_wins_a_gauge() -> None:
    cell = Cell()
    cell.set(5, at=100)
    cell.set(7, at=90)

    assert (cell.last, cell.last_at) == (5, 100)
    assert (cell.min, cell.max, cell.count) == (5, 7, 2)


def test_the_largest_exemplar_of_a_bucket_survives_a_merge() -> None:
    small, large = filled([0.2]), filled([0.24])
    small.exemplars = {6: (0.2, 1.0, {"trace_id": "a"})}
    large.exemplars = {6: (0.24, 0.5, {"trace_id": "b"})}

    small.merge(large)

    assert small.exemplars == {6: (0.24, 0.5, {"trace_id": "b"})}


def test_units_choose_their_boundaries() -> None:
    assert bounds_for("s") is SECONDS_BOUNDS
    assert bounds_for("bytes")[-1] == 10_000


def test_values_of_every_size_fit_in_one_histogram() -> None:
    cell = Cell()
    for exponent in range(-9, 300):
        cell.observe(10.0**exponent, (1.0,))
    assert cell.schema < 0
    assert cell.bins is not None
    assert len(cell.bins) <= MAX_BINS
    assert sum(cell.bins.values()) == cell.count == 309
    base = 2.0 ** (2.0**-cell.schema)
    median = cell.quantile(0.5)
    assert median is not None
    assert 10.0**145 / base <= median <= 10.0**145 * base
