"""Values are found in every spelling in which they travel, many at once, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.needles import LONG_TEXT, Needles

VALUE = "pa ss/wo+rd&42'ü"
secret = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=6, max_size=40)


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        urlencode({"a": VALUE}),
        json.dumps({"a": VALUE}),
        json.dumps({"a": VALUE}, ensure_ascii=False),
        repr({"a": VALUE}),
        html.escape(VALUE),
        base64.b64encode(VALUE.encode()).decode(),
        *(base64.b64encode(b"u" * before + b":" + VALUE.encode()).decode() for before in range(6)),
        base64.urlsafe_b64encode(b"user:" + VALUE.encode() + b":more").decode(),
    ],
)
@pytest.mark.parametrize("padding", ["", "x" * LONG_TEXT])
def test_a_value_is_found_in_every_spelling(spelled, padding):
    found = Needles([VALUE, "another-secret-1"]).replaced(f"{padding} {spelled} end", "[-]")
    assert "[-]" in found
    assert found.startswith(padding)
    assert found.endswith(" end")


@given(st.lists(secret, min_size=1, max_size=30), st.text(max_size=50), st.text(max_size=400), st.data())
def test_no_value_survives_whatever_stands_around_it(values, before, after, data):
    needles = Needles(values)
    value = data.draw(st.sampled_from(values))
    cleaned = needles.replaced(f"{before}{value}{after}", "\0")
    assert all(each not in cleaned for each in needles.values)


@given(st.lists(secret, max_size=10), st.text(st.characters(categories=["Nd"]), max_size=600))
def test_text_without_them_is_the_same_object(values, text):
    needles = Needles([f"a{value}z" for value in values])
    assert needles.replaced(text, "-") is text


def test_one_that_begins_with_another_goes_as_a_whole():
    assert Needles(["abcdef", "abcdefghi"]).replaced("abcdefghi abcdefgh", "-") == "- -gh"


def test_short_values_are_left_out():
    assert Needles(["", "short"]).replaced("a short text", "-") == "a short text"
