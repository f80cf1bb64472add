"""Series are identified by name, kind, unit and tags, and their tags are what every store can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.series import MAX_TAG_CHARS, MAX_TAGS, Series, clean_tags, series_from_text


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=12))
def test_tags_are_sorted_strings_that_any_store_can_hold(tags: dict[str, object]) -> None:
    cleaned = clean_tags(tags.items())

    assert len(cleaned) <= MAX_TAGS
    assert list(cleaned) == sorted(cleaned)
    for key, value in cleaned:
        assert max(len(key), len(value)) <= MAX_TAG_CHARS
        (key + value).encode()
        assert "\x00" not in key + value


@given(st.text(), st.sampled_from(["counter", "gauge", "distribution"]), st.text(max_size=5))
def test_a_series_comes_back_from_its_text(name: str, kind: str, unit: str) -> None:
    series = Series(name, kind, unit, (("a", "b"),), "sum")  # type: ignore[arg-type]

    back = series_from_text(series.text)

    assert (back, back.id, back.text) == (series, series.id, series.text)


def test_the_id_tells_series_apart() -> None:
    one = Series("m", "counter", "count", (("a", "b"),))

    assert one.id == Series("m", "counter", "count", (("a", "b"),), "sum").id
    assert len({one.id, Series("m", "gauge", "count", (("a", "b"),)).id, Series("m", "counter", "count", ()).id}) == 3
    assert len(one.id) == 16


@pytest.mark.parametrize(
    "text", ["{}", "[]", '["a","b","c",[],"max"]', '["a","counter","c",[["k"]],"max"]', "nonsense"]
)
def test_what_is_not_a_series_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        series_from_text(text)


def test_lone_surrogates_become_visible() -> None:
    assert clean_tags([("k", "a\udc80b\x00")]) == (("k", "a\\udc80b\\x00"),)
