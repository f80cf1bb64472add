"""The trail of a request as one line: in order, alike steps together, the failure where it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.errors.trail import trail_of


def step(at: float, text: str = "x", kind: str = "query", **more) -> dict:
    return {"at": at, "kind": kind, "text": text, **more}


def test_steps_are_in_order_and_split_at_the_failure():
    trail = trail_of({"trail": [step(0.3, "c"), step(0.1, "a"), step(0.2, "b")], "trail_at": 0.25})
    assert [each.text for each in trail.before] == ["a", "b"]
    assert [each.text for each in trail.after] == ["c"]
    assert trail.failed_at == 0.25


def test_alike_steps_in_a_row_are_one_with_their_time_added_up():
    trail = trail_of({"trail": [step(0.1 * n, ms=2.0) for n in range(5)] + [step(0.9, kind="log", level="INFO")]})
    first, second = trail.before
    assert (first.times, first.ms, second.times) == (5, 10.0, 1)
    assert trail.summary == [("Query", 5, 10.0), ("Log", 1, 0.0)]


def test_places_on_the_line_are_in_proportion():
    trail = trail_of({"trail": [step(0.0, "a", ms=500), step(0.5, "b", ms=500)], "trail_at": 0.75})
    assert [(each.start, each.width) for each in trail.before] == [(0.0, 50.0), (50.0, 50.0)]
    assert trail.failed == 75.0


def test_unknown_kind_and_missing_parts_are_shown_as_they_are():
    trail = trail_of({"trail": [{"at": 0.1}, {"kind": "<b>", "text": None}]})
    assert [(each.kind, each.label) for each in trail.before] == [("other", "Other"), ("other", "Other")]


def test_without_a_trail_there_is_none():
    assert all(trail_of(details) is None for details in ({}, {"trail": []}, {"trail": None}, {"trail": "text"}))


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
KEYS = ("at", "kind", "text", "ms", "level", "data")
steps = st.lists(
    anything | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, anything)),
    max_size=8,
)


@given(steps, anything)
def test_whatever_is_stored_gives_a_line_inside_its_bounds(raw, failed_at):
    trail = trail_of({"trail": raw, "trail_at": failed_at})
    if trail is None:
        return
    for each in (*trail.before, *trail.after):
        assert 0 <= each.start <= 100
        assert 0 <= each.width <= 100
        assert each.at_ms
        assert isinstance(each.took, str)
    assert 0 <= trail.failed <= 100
