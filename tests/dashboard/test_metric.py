"""The page of one metric: charts by kind, groups, filters, bounds, and the same from cells and roll-ups."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.dashboard import history, metric, traffic
from artisan_monitoring.dashboard.metric import Asked, UnknownMetric
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.metrics.rollup import flush_metrics

from .seed import REQUESTS, counted, put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


def page(name: str, key: str = "1h", **asked):
    return metric.page(Asked(name, **asked), SPANS[key])


def gauge(at: float, value: float, name: str = "depth", **tags: str) -> Delta:
    cell = Cell()
    cell.set(value, at)
    return Delta(Series(name, "gauge", "1", tuple(sorted(tags.items()))), int(at) // 60 * 60, 60, cell)


def lines(chart) -> dict[str, list[float]]:
    return {line.label: [value for value in line.values if value is not None] for line in chart.lines}


def groups(context) -> dict[str, list[str]]:
    return {row["label"]: row["values"] for row in context["groups"]}


def test_counter_is_drawn_as_a_rate(store):
    now = store.now()
    put(store, counted(now - 600, 120, "orders"), counted(now - 1200, 60, "orders"), counted(now - 600, 9, "other"))
    seen = page("orders")
    (chart,) = seen["charts"]
    assert chart.title == "Rate"
    assert sorted(lines(chart)["all"]) == [1, 2]
    assert groups(seen) == {"all": ["180"]}


def test_gauge_is_drawn_as_its_value_below_zero_too(store):
    now = store.now()
    put(store, gauge(now - 120, -4), gauge(now - 240, 6))
    (chart,) = page("depth")["charts"]
    assert lines(chart) == {"highest": [6, -4], "mean": [6, -4], "lowest": [6, -4]}
    assert chart.ticks[0] <= -4 < 6 <= chart.ticks[-1]
    assert "NaN" not in chart.svg()


def test_distribution_is_drawn_as_percentiles(store):
    put(store, requests(store.now() - 600, *[0.02] * 99, 0.5))
    seen = page(REQUESTS)
    rate, percentiles = seen["charts"]
    assert lines(rate)["all"] == [pytest.approx(100 / 60)]
    assert lines(percentiles)["p50"] == [pytest.approx(0.02, rel=0.02)]
    assert groups(seen)["all"][0] == "100"


def test_grouped_and_filtered_by_tags(store):
    now = store.now()
    put(store, counted(now - 600, 5, "orders", shop="a", paid="yes"), counted(now - 600, 3, "orders", shop="b"),
        counted(now - 600, 2, "orders", shop="b", paid="no"))  # fmt: skip
    assert groups(page("orders", by="shop")) == {"a": ["5"], "b": ["5"]}
    assert groups(page("orders", by="paid")) == {"yes": ["5"], "without this tag": ["3"], "no": ["2"]}
    assert groups(page("orders", where=("shop=b",))) == {"all": ["5"]}
    assert groups(page("orders", where=("shop=b", "paid=no"))) == {"all": ["2"]}


def test_ten_groups_are_kept_apart_and_the_rest_is_one(store):
    now = store.now()
    put(store, *(counted(now - 600 - 60 * (number % 3), 1, "orders", shop=f"s{number:03}") for number in range(40)),
        *(counted(now - 60 * minute, 1, "orders", shop="busy") for minute in range(4, 9)))  # fmt: skip
    seen = page("orders", by="shop")
    found = groups(seen)
    assert len(found) == 11
    assert (next(iter(found)), list(found)[-1]) == ("busy", "all others")
    assert sum(float(values[0]) for values in found.values()) == 45
    assert len(seen["charts"][0].lines) == 11


@pytest.mark.parametrize("asked", [{}, {"by": "http.route"}, {"by": "http.request.method"},
                                   {"where": ("http.route=/1/",)}])  # fmt: skip
def test_roll_ups_give_what_cells_gave(store, asked):
    now = store.now()
    put(store, *(requests(now - hours * HOUR, 0.01 * (hours + 1), route=f"/{hours % 3}/") for hours in range(23)))
    before = page(REQUESTS, "24h", **asked)
    assert flush_metrics() >= 20
    after = page(REQUESTS, "24h", **asked)
    counts = [{label: values[0] for label, values in groups(each).items()} for each in (before, after)]
    assert counts[0] == counts[1]
    assert lines(before["charts"][0]) == lines(after["charts"][0])


def test_hours_that_would_cost_too_much_are_left_out_and_told(store, monkeypatch):
    monkeypatch.setattr(history, "ROWS_AT_MOST", 6)
    monkeypatch.setattr(traffic, "CELLS_AT_MOST", 60)
    now = store.now()
    put(store, *(counted(now - hours * HOUR, 1, "orders", shop=shop) for hours in range(20) for shop in "ab"))
    flush_metrics()
    assert page("orders", "24h")["hours_left_out"] == 0
    assert page("orders", "24h", by="shop")["hours_left_out"] >= 15
    assert set(groups(page("orders", "24h", by="shop"))) == {"a", "b"}


def test_two_kinds_of_one_name_are_two_metrics(store):
    put(store, counted(store.now() - 600, 5, "depth"), gauge(store.now() - 600, 7))
    assert page("depth", kind="gauge")["kind"] == "gauge"
    assert page("depth", kind="counter")["kind"] == "counter"


def test_values_that_cannot_be_drawn_are_left_out(tables):
    put(tables, counted(tables.now() - 600, 1e308, "orders"), counted(tables.now() - 660, 1e308, "orders"),
        gauge(tables.now() - 600, 1e308), gauge(tables.now() - 1200, -1e299),
        gauge(tables.now() - 1800, 1e299))  # fmt: skip
    for name in ("orders", "depth"):
        for chart in page(name, "6h")["charts"]:
            assert "inf" not in chart.svg()


@pytest.mark.parametrize("asked", [{"by": "nothing"}, {"where": ("nothing=1",)}, {"where": ("shop",)}, {"kind": "x"},
                                   {"unit": "x"}, {"where": ("shop=zzz",)}])  # fmt: skip
def test_what_is_unknown_is_said(tables, asked):
    put(tables, counted(tables.now() - 60, 1, "orders", shop="a"))
    with pytest.raises(UnknownMetric):
        page("orders", **asked)


def test_store_away(db, store_away):
    assert "store cannot be read" in page("orders")["problem"]
