"""Distinct counts are exact while small, close when large, and merging is the union."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.distinct import EXACT_UP_TO, Distinct


def of(values: list[str]) -> Distinct:
    distinct = Distinct()
    for value in values:
        distinct.add(value)
    return distinct


@given(st.lists(st.text()))
def test_small_counts_are_exact(values: list[str]) -> None:
    expected = len({value.encode("utf-8", "backslashreplace") for value in values})
    if expected <= EXACT_UP_TO:
        assert of(values).estimate() == expected


@pytest.mark.parametrize("size", [65, 100, 1_000, 20_000])
def test_large_counts_are_close(size: int) -> None:
    assert of([f"user-{number}" for number in range(size)]).estimate() == pytest.approx(size, rel=0.1)


@given(st.lists(st.integers(0, 300), max_size=150), st.lists(st.integers(0, 300), max_size=150))
def test_merging_is_the_union(first: list[int], second: list[int]) -> None:
    merged = of([str(each) for each in first])
    merged.merge(of([str(each) for each in second]))
    together = of([str(each) for each in first + second])

    assert merged.pack() == together.pack()


@given(st.lists(st.text(), max_size=100))
def test_it_comes_back_from_its_text(values: list[str]) -> None:
    distinct = of(values)

    assert Distinct.unpack(distinct.pack()).pack() == distinct.pack()


@pytest.mark.parametrize("garbage", ["x", "eAAA", "rAAAA", "e!!"])
def test_other_text_is_refused(garbage: str) -> None:
    with pytest.raises(ValueError):
        Distinct.unpack(garbage)
