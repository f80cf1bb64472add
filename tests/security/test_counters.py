"""Counts per key in windows, within a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.security.counters import MAX_ACCOUNTS, WindowTable


def test_a_window_begins_with_the_first_and_ends():
    table = WindowTable(60)
    assert [table.add("a", now) for now in (100, 130, 159.9, 160, 161)] == [1, 2, 3, 1, 2]
    assert table.get("a", 170).count == 2
    assert table.get("a", 220) is None
    assert table.get("b", 170) is None


def test_a_clock_that_goes_back_begins_a_new_window():
    table = WindowTable(60)
    table.add("a", 1000)
    assert table.add("a", 10) == 1
    assert table.add("a", 11) == 2


def test_the_least_used_key_is_forgotten_first():
    table = WindowTable(60, most=3)
    for key in ("a", "b", "c", "a", "d"):
        table.add(key, 1)
    assert len(table) == 3
    assert table.get("b", 1) is None
    assert table.get("a", 1).count == 2


def test_accounts_are_told_apart_up_to_a_bound():
    table = WindowTable(60)
    for n in range(50):
        table.add("a", 1, f"account{n % 20}")
    assert len(table.get("a", 1).accounts) == MAX_ACCOUNTS
    table.forget("a")
    assert table.get("a", 1) is None


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 1000)), max_size=200))
def test_it_is_never_larger_than_its_bound(steps):
    table = WindowTable(30, most=4)
    for key, now in steps:
        assert table.add(key, now) >= 1
        assert len(table) <= 4
