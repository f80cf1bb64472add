"""Marks fall into the slot in which the release began, wherever the chart begins."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.dashboard import deploys, figures
from artisan_monitoring.dashboard.charts import Chart, Line
from artisan_monitoring.dashboard.deploys import Mark

FIRST = 1_700_000_040


def chart(*marks: Mark, values=(1.0, None, 2.0), step_s: int = 60) -> Chart:
    times = [FIRST + at * step_s for at in range(len(values))]
    return Chart("Throughput", times, step_s, [Line("requests", "am-t1", values)], figures.number, marks=marks)


@pytest.mark.parametrize(("at", "slot"), [(0, 0), (59.9, 0), (60, 60), (119, 60), (-1, -60)])
def test_slot_of_a_mark(at, slot):
    assert deploys.by_slot([Mark(FIRST + at, "1")], 60, FIRST) == {FIRST + slot: "1"}


def test_several_of_one_slot_share_its_row():
    marks = (Mark(FIRST + 61, "1.4.2"), Mark(FIRST + 62, "1.4.3"), Mark(FIRST + 70, "1.4.2"))
    assert [(row[2], row[3]) for row in chart(*marks).table] == [
        (["1"], ""), (["–"], "1.4.2, 1.4.3"), (["2"], ""),
    ]  # fmt: skip


def test_flag_stands_where_the_release_began():
    svg = chart(Mark(FIRST + 45, "1.4.3", "note")).svg()
    assert '<svg class="am-deploy" x="25.00%"' in svg
    assert "22:14 UTC · deploy of 1.4.3: note</title>" in svg


def test_what_is_outside_of_the_chart_is_not_drawn():
    assert 'class="am-deploy"' not in chart(Mark(FIRST - 1, "1"), Mark(FIRST + 180, "2")).svg()


def test_screen_reader_hears_the_newest():
    marks = [Mark(FIRST + 60 * at, f"1.{at}") for at in range(5)]
    assert chart(*marks[:1]).summary.endswith("; 1 deploy: 1.0 at 22:14")
    assert chart(*marks).summary.endswith("; 5 deploys: … 1.2 at 22:16, 1.3 at 22:17, 1.4 at 22:18")
    assert chart().summary == "Throughput: last requests 2"


def test_tooltip_of_a_day_names_the_day():
    assert "14 Nov 22:14 UTC · deploy" in chart(Mark(FIRST, "1"), step_s=HOUR).svg()


def test_list_has_the_newest_first():
    marks = [Mark(FIRST + at, str(at)) for at in range(8)]
    assert [each["release"] for each in deploys.listed(marks)] == ["7", "6", "5", "4", "3"]
