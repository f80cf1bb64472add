"""Charts: round ticks, honest gaps, tables beside the pictures, nothing a policy or a stranger's text could break."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.dashboard.charts import HEIGHT, Chart, Line, label_step, ticks

TIMES = list(range(1_700_000_040, 1_700_000_040 + 600, 60))


def chart(*values: float | None, label: str = "p95", filled: bool = False) -> Chart:
    padded = [*values, *[None] * (len(TIMES) - len(values))]
    return Chart("Latency", TIMES, 60, [Line(label, "am-t1", padded, filled)], lambda value: f"{value:g} ms")


def shape(drawn: Chart, kind: str) -> str:
    found = re.search(rf'<path class="{kind} am-t1" d="([^"]*)"', drawn.svg())
    assert found is not None
    return found[1]


@given(st.floats(1e-9, 1e15))
def test_ticks_are_round_few_and_reach_the_peak(peak):
    found = ticks(peak)
    assert found[0] == 0
    assert found[-1] >= peak * (1 - 1e-9)
    assert 2 <= len(found) <= 6
    assert float(f"{found[1]:.0e}") == pytest.approx(found[1])
    assert str(f"{found[1]:e}")[0] in "125"


@pytest.mark.parametrize("peak", [0, -1, float("inf"), float("nan")])
def test_an_axis_without_values_goes_to_one(peak):
    assert ticks(peak)[-1] == 1


def test_a_slot_without_data_is_a_gap_not_a_zero():
    assert shape(chart(4, 4, None, 4, 4), "am-line-of").count("M") == 2
    assert shape(chart(4, 4, 0, 4, 4), "am-line-of").count("M") == 1


def test_a_lone_value_is_a_dot():
    drawn = chart(None, 4, None, 4, 4)
    assert shape(drawn, "am-point") == "M15 0h0"
    assert shape(drawn, "am-line-of").count("M") == 1


def test_heights_are_shares_of_the_axis():
    assert shape(chart(0, 2, 4), "am-line-of") == "M5 1000L15 500L25 0"


def test_area_goes_down_to_zero():
    assert shape(chart(4, 2, filled=True), "am-area") == "M5 1000L5 0L15 500V1000Z"


def test_every_slot_with_data_says_its_time_and_value():
    titles = re.findall(r"<title>([^<]*)</title>", chart(12, None, 30).svg())
    assert titles == ["22:14 UTC · p95 12 ms", "22:16 UTC · p95 30 ms"]


def test_table_has_the_same_numbers():
    assert list(chart(12, None, 30).rows) == [(TIMES[0], "22:14", ["12 ms"]), (TIMES[2], "22:16", ["30 ms"])]


def test_axis_is_labelled_from_the_top():
    assert chart(9).axis == ["10 ms", "5 ms", "0 ms"]


def test_summary_says_the_last_value_or_that_there_is_none():
    assert 'aria-label="Latency: last p95 30 ms"' in chart(12, 30).svg()
    assert chart().empty
    assert chart().summary == "Latency: no data"


def test_time_labels_are_round():
    assert re.findall(r'data-at="(\d+)" data-as="t">([\d:]+)<', chart(1).svg()) == [
        (str(at), f"22:{14 + index}")
        for index, at in enumerate(TIMES)
        if at % 120 == 0 and 0.03 < index / len(TIMES) < 0.97
    ]


@pytest.mark.parametrize(
    ("slots", "step_s", "every"), [(60, 60, 600), (60, 360, 3600), (24, 3600, 6 * 3600), (56, 10_800, 86_400)]
)
def test_labels_are_about_six(slots, step_s, every):
    assert label_step([at * step_s for at in range(slots)], step_s) == every


def test_is_well_formed_without_styles_scripts_or_handlers():
    svg = chart(1, 2, None, 3, label="<script>alert(1)</script>\"'&", filled=True).svg()
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        assert element.tag in {"svg", "line", "text", "path", "rect", "title"}
        assert not {name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name}
    assert "<script" not in svg
    assert root.find("svg").attrib["height"] == str(HEIGHT)
