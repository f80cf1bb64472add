"""What is packed comes back the same, and what is not ours is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import (
    Batch,
    Delta,
    NotABatch,
    pack_batch,
    pack_cell,
    unpack_batch,
    unpack_cell,
)
from artisan_monitoring.core.series import Series

FIELDS = ("count", "sum", "min", "max", "zero", "schema", "bins", "classic", "exemplars", "last", "last_at")

cells = st.builds(
    lambda observations, exemplar: _cell(observations, exemplar),
    st.lists(st.floats(min_value=0, max_value=1e300)),
    st.none() | st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=3),
)


def _cell(observations: list[float], exemplar: dict[str, str] | None) -> Cell:
    cell = Cell()
    for value in observations:
        cell.observe(value, SECONDS_BOUNDS)
    if exemplar is not None and observations:
        cell.exemplars = {3: (observations[0], 12.5, exemplar)}
    return cell


def as_tuple(cell: Cell) -> tuple[object, ...]:
    return tuple(getattr(cell, name) for name in FIELDS)


@given(cells)
def test_a_cell_comes_back_the_same(cell: Cell) -> None:
    assert as_tuple(unpack_cell(pack_cell(cell))) == as_tuple(cell)


def test_counts_beyond_32_bits_come_back_the_same() -> None:
    cell = _cell([0.1], None)
    cell.count = 2**40
    cell.bins = {-100: 2**40}

    assert as_tuple(unpack_cell(pack_cell(cell))) == as_tuple(cell)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(garbage: bytes) -> None:
    with pytest.raises(NotABatch):
        unpack_batch(garbage)
    with pytest.raises(NotABatch):
        unpack_batch(b"AM1r" + garbage)
    with pytest.raises(NotABatch):
        unpack_batch(b"AM1z" + garbage)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
good_head = {
    "process": "p", "sequence": 1, "shard": 0, "epoch": "", "created_at": 0, "observations": 1,
    "observations_before": 0, "series": [], "cells": [], "records": {"error": [{}]},
}  # fmt: skip
heads = st.builds(
    lambda key, value: {**good_head, key: value}, st.sampled_from(sorted(good_head)), values | st.lists(st.just("x"))
)


@given(heads | values)
def test_a_head_that_is_not_ours_is_refused_or_a_batch(head: object) -> None:
    try:
        batch = unpack_batch(_framed(json.dumps(head)))
    except NotABatch:
        return
    assert all(type(delta.start) is type(delta.width) is int for delta in batch.deltas)
    assert all(isinstance(row, dict) for rows in batch.records.values() for row in rows)


def test_a_slot_that_is_not_a_number_is_refused() -> None:
    cell = pack_cell(Cell())
    series = Series("m", "counter", "count", ()).text
    for start, width in (("0", 60), (0, "60"), (0.5, 60), (None, 60), (True, 60)):
        head = json.dumps({**good_head, "series": [series], "cells": [(0, start, width, len(cell))]})
        with pytest.raises(NotABatch):
            unpack_batch(_framed(head) + cell)


def test_a_head_too_deep_to_read_is_refused() -> None:
    with pytest.raises(NotABatch):
        unpack_batch(_framed("[" * 100_000))


def _framed(head: str) -> bytes:
    return b"AM1r" + len(head).to_bytes(4, "little") + head.encode()


@given(st.binary(max_size=100))
def test_a_cell_of_other_bytes_is_refused_or_a_cell(garbage: bytes) -> None:
    try:
        cell = unpack_cell(garbage)
    except NotABatch:
        return
    assert isinstance(cell, Cell)


@given(st.lists(cells, max_size=5), st.lists(st.dictionaries(st.text(max_size=5), st.text()), max_size=3))
def test_a_batch_comes_back_the_same(filled: list[Cell], records: list[dict[str, str]]) -> None:
    series = Series("m", "distribution", "s", (("route", "/é\u2028"),))
    batch = Batch(
        "a" * 32, 7, shard=2, epoch="e", created_at=1.5, observations=9, observations_before=3,
        deltas=[Delta(series, 60 * number, 60, cell) for number, cell in enumerate(filled)],
        records={"error": list(records)},
    )  # fmt: skip

    back = unpack_batch(pack_batch(batch))

    assert [(each.series, each.start, each.width, as_tuple(each.cell)) for each in back.deltas] == [
        (each.series, each.start, each.width, as_tuple(each.cell)) for each in batch.deltas
    ]
    assert back.records == batch.records
    names = ("process", "sequence", "shard", "epoch", "created_at", "observations", "observations_before")
    assert all(getattr(back, name) == getattr(batch, name) for name in names)


def test_a_batch_of_many_cells_is_compressed() -> None:
    series = [Series("m", "distribution", "s", (("n", str(number)),)) for number in range(200)]
    batch = Batch("p", 1, deltas=[Delta(each, 0, 60, _cell([0.1, 0.2], None)) for each in series])

    packed = pack_batch(batch)

    assert packed[:4] == b"AM1z"
    assert len(unpack_batch(packed).deltas) == 200


def test_a_record_that_is_not_json_is_the_callers_error() -> None:
    with pytest.raises((TypeError, ValueError)):
        pack_batch(Batch("p", 1, records={"error": [{"value": float("nan")}]}))
