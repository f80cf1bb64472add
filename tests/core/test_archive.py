"""Archives hold cells exactly, in few bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.archive import pack_cells, unpack_cells
from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import NotABatch, pack_cell

NAMES = ("count", "sum", "min", "max", "zero", "schema", "bins", "classic", "last", "last_at", "exemplars")


def parts(cell: Cell) -> list[object]:
    return [getattr(cell, name) for name in NAMES]


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    cell = Cell()
    kind = draw(st.sampled_from(["counter", "gauge", "distribution", "empty"]))
    for value in draw(st.lists(st.floats(0, 1e12, allow_nan=False), max_size=8)):
        if kind == "counter":
            cell.add(value)
        elif kind == "gauge":
            cell.set(-value, value)
        elif kind == "distribution":
            slot = cell.observe(value, SECONDS_BOUNDS)
            if draw(st.booleans()):
                cell.exemplars = {**(cell.exemplars or {}), slot: (value, 1.5, {"trace_id": "ü"})}
    cell.coarsen(draw(st.integers(-3, 5)))
    return cell


slots = st.lists(st.tuples(st.integers(0, 2**40), st.sampled_from([60, 600, 3600]), cells()), max_size=12)


@given(slots)
def test_cells_come_back_exactly(given_slots: list[tuple[int, int, Cell]]) -> None:
    found = unpack_cells(pack_cells(given_slots))
    assert [(start, width, parts(cell)) for start, width, cell in found] == [
        (start, width, parts(cell)) for start, width, cell in given_slots
    ]


@given(st.binary(max_size=200), st.integers(0, 300))
def test_anything_else_is_told(noise: bytes, cut: int) -> None:
    whole = pack_cells([(0, 60, Cell())] * 3)
    for bad in (noise, b"AC1" + noise, whole[: cut % len(whole)]):
        with pytest.raises(NotABatch):
            unpack_cells(bad)


def test_large_counts() -> None:
    cell = Cell()
    cell.observe(0.1, SECONDS_BOUNDS)
    cell.count = 2**62
    cell.bins = {-106: 2**62}
    ((_, _, found),) = unpack_cells(pack_cells([(0, 60, cell)]))
    assert parts(found) == parts(cell)
    cell.count = 2**64
    with pytest.raises(OverflowError):
        pack_cells([(0, 60, cell)])


@pytest.mark.parametrize(("a_minute", "at_most"), [(600, 300_000), (6000, 700_000)])
def test_a_week_of_a_busy_distribution_stays_small(a_minute: int, at_most: int) -> None:
    """About 100 bins: minutes for a day, then ten minutes of schema 4 for six."""
    chance = random.Random(1)
    minutes = []
    for _ in range(60):
        cell = Cell()
        for _ in range(a_minute):
            cell.observe(chance.lognormvariate(-3, 0.5 if a_minute == 600 else 0.4), SECONDS_BOUNDS)
        minutes.append(cell)
    assert 90 < sum(len(cell.bins) for cell in minutes) / 60 < 130
    tens = [Cell() for _ in range(6)]
    for number, cell in enumerate(minutes):
        tens[number // 10].merge(cell)
    for cell in tens:
        cell.coarsen(4)
    fine = pack_cells([(60 * number, 60, cell) for number, cell in enumerate(minutes)])
    coarse = pack_cells([(600 * number, 600, cell) for number, cell in enumerate(tens)])
    assert 24 * len(fine) + 6 * 24 * len(coarse) < at_most
    assert len(fine) < sum(len(pack_cell(cell)) for cell in minutes) / 7
