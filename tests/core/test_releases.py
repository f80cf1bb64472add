"""Releases are ordered as Semantic Versioning says, and what is no version by when it was first seen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.releases import is_newer, version_of

# Section 11.4 of the specification, in its order.
SPECIFIED = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
    "1.0.0", "2.0.0", "2.1.0", "2.1.1",
]  # fmt: skip

versions = st.from_regex(r"v?\d{1,3}\.\d{1,3}(\.\d{1,3})?(-(rc|[0-9a-z]{1,4})(\.\d{1,2})?)?", fullmatch=True)
names = st.one_of(versions, st.text(min_size=1, max_size=12))
seen = st.dictionaries(names, st.floats(0, 2e9, allow_nan=False), max_size=6)


def test_precedence_is_that_of_the_specification():
    assert sorted(set(SPECIFIED), key=version_of) == SPECIFIED
    for older, newer in pairwise(SPECIFIED):
        assert is_newer(newer, older, {})
        assert not is_newer(older, newer, {})


def test_spelling_and_build_do_not_count():
    assert version_of("v1.4") == version_of("shop@1.4.0") == version_of(" 1.4.0+b7 ")


@pytest.mark.parametrize("name", ["", "main", "5f3c2d1", "1", "1.2.3.4", "1.2.x", "٣.٣.٣x"])
def test_what_is_no_version_is_none(name):
    assert version_of(name) is None


def test_others_go_by_when_they_were_first_seen():
    first_seen = {"5f3c2d1": 100.0, "a0b1c2d": 200.0}
    assert is_newer("a0b1c2d", "5f3c2d1", first_seen)
    assert not is_newer("5f3c2d1", "a0b1c2d", first_seen)
    assert is_newer("never seen", "a0b1c2d", first_seen)
    assert not is_newer("a0b1c2d", "never seen", first_seen)


def test_one_version_and_one_other_go_by_time_too():
    assert is_newer("main", "9.0.0", {"main": 2.0, "9.0.0": 1.0})
    assert not is_newer("main", "9.0.0", {"main": 1.0, "9.0.0": 2.0})


@given(names, names, seen)
def test_no_two_are_newer_than_each_other(one, other, first_seen):
    assert not (is_newer(one, other, first_seen) and is_newer(other, one, first_seen))


@given(versions, versions, versions)
def test_versions_are_in_one_line(a, b, c):
    if is_newer(a, b, {}) and is_newer(b, c, {}):
        assert is_newer(a, c, {})
