"""The heat map counts every request in the band its duration belongs to, and never has more than 120 columns."""

from __future__ import annotations

import re
from math import log2
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.dashboard.deploys import Mark
from artisan_monitoring.dashboard.heatmap import COLUMNS, heat_map

START = 1_700_000_040


def cell(*seconds: float) -> Cell:
    made = Cell()
    for each in seconds:
        made.observe(each, SECONDS_BOUNDS)
    return made


def times(slots: int, step_s: int = 60) -> list[int]:
    return [START + step_s * at for at in range(slots)]


def of(*columns: tuple[float, ...], marks=()):
    cells = {START + 60 * at: cell(*each) for at, each in enumerate(columns) if each}
    return heat_map(times(len(columns)), 60, cells, marks)


durations = st.floats(min_value=1e-6, max_value=5000, allow_nan=False)


@given(st.lists(st.lists(durations, max_size=30).map(tuple), min_size=1, max_size=8), st.integers(-1, 5))
def test_every_request_is_in_one_band(columns, schema):
    cells = {START + 60 * at: cell(*each) for at, each in enumerate(columns) if each}
    for each in cells.values():
        each.coarsen(schema)
    found = heat_map(times(len(columns)), 60, cells)
    assert [sum(column.values()) for column in found.columns] == [len(each) for each in columns]
    assert all(found.lowest <= band <= found.highest for column in found.columns for band in column)


@given(st.lists(durations, min_size=1, max_size=40))
def test_band_holds_what_its_bounds_say(values):
    found = of(tuple(values))
    for band in range(found.lowest + 1, found.highest):
        low, high = 2.0 ** ((band - 1) / found.cut), 2.0 ** (band / found.cut)
        # At a bound the logarithm rounds, and so does the histogram's own.
        sure = sum(low * (1 + 1e-9) < each <= high * (1 - 1e-9) for each in values)
        may = sum(low * (1 - 1e-9) < each <= high * (1 + 1e-9) for each in values)
        assert sure <= found.columns[0].get(band, 0) <= may


@pytest.mark.parametrize(("slots", "columns"), [(1, 1), (60, 60), (120, 120), (121, 61), (720, 120), (1000, 112)])
def test_many_slots_share_a_column(slots, columns):
    cells = {at: cell(0.1) for at in times(slots)}
    found = heat_map(times(slots), 60, cells)
    assert len(found.columns) == len(found.times) == columns <= COLUMNS
    assert sum(sum(column.values()) for column in found.columns) == slots
    assert found.step_s == 60 * -(-slots // COLUMNS)


def test_cells_are_left_as_they_are():
    shared = cell(0.1, 0.2)
    before = (dict(shared.bins or {}), shared.schema, shared.count)
    heat_map(times(1), 60, {START: shared}).svg()
    assert (shared.bins, shared.schema, shared.count) == before


def test_axis_has_round_steps_around_all_durations():
    found = of((0.010, 0.9))
    assert found.axis == ["1 s", "250 ms", "62 ms", "16 ms", "3.9 ms"] or found.axis[0] in ("1 s", "2 s")
    assert len(found.axis) <= 5
    assert (found.bands // found.cut) % (len(found.axis) - 1) == 0


def test_extremes_are_at_the_edge_and_nothing_is_lost():
    found = of((0.0, 1e-12, 1e-7, 0.1, 90_000.0))
    (column,) = found.columns
    assert sum(column.values()) == 5
    assert column[found.lowest] == 3
    assert column[found.highest] == 1
    assert found.bands <= 60


def test_colours_go_from_one_request_to_the_peak():
    svg = of((0.1,), (0.1,) * 10, (0.1,) * 1000).svg()
    assert re.findall(r'<path class="am-h(\d)" d="M(\d) ', svg) == [("1", "0"), ("2", "1"), ("6", "2")]
    assert of((0.1,) * 1000).most == "1,000"


def test_tooltip_and_table_say_the_numbers():
    found = of((0.1, 0.1, 3.0), (), (0.1,))
    titles = re.findall(r"<title>([^<]*)</title>", found.svg())
    assert len(titles) == 2
    assert titles[0].startswith("22:14 UTC · 3 requests · most often 88 ms to 105 ms (2) · slowest")
    rows = list(found.table)
    assert [row[1] for row in rows] == ["22:14", "22:16"]
    assert [sum(int(value) for value in row[2]) for row in rows] == [3, 1]
    assert len(found.head) <= 8


def test_deploys_are_drawn_said_and_have_a_row_even_without_requests():
    found = of((0.1,), (), (0.1,), marks=[Mark(START + 90, "1.4.3", "a <b>")])
    svg = found.svg()
    assert '<svg class="am-deploy" x="50.00%"' in svg
    assert "deploy of 1.4.3: a &lt;b&gt;" in svg
    assert "; 1 deploy: 1.4.3 at 22:15" in svg
    assert [(row[1], row[3]) for row in found.table] == [("22:14", ""), ("22:15", "1.4.3"), ("22:16", "")]


def test_says_so_when_there_is_nothing():
    found = heat_map(times(3), 60, {})
    assert found.empty
    assert found.summary == "Latency heat map: no data"


def test_is_well_formed_without_styles_scripts_or_handlers():
    svg = of((0.1,), (0.2, 5.0), marks=[Mark(START + 1, "<script>alert(1)</script>\"'&")]).svg()
    for element in ElementTree.fromstring(svg).iter():
        assert element.tag in {"svg", "line", "text", "path", "rect", "title"}
        assert not {name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name}
    assert "<script" not in svg


def test_picture_of_a_week_is_small():
    cells = {at: cell(*(0.001 * 1.3**step for step in range(30))) for at in times(120)}
    found = heat_map(times(120), 60, cells)
    assert log2(len(found.svg())) < 17  # 128 kB
