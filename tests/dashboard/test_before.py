"""Comparison with the window before, and Apdex: exact sums from cells and roll-ups, and when nothing is said."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.dashboard import before, overview, traffic
from artisan_monitoring.dashboard.before import apdex, change
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.metrics.rollup import flush_metrics

from .seed import REQUESTS, put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


def tiles(key: str = "1h") -> dict[str, overview.Tile]:
    traffic.forget()
    return {tile.label: tile for tile in overview.page(SPANS[key])["tiles"]}


WINDOWS = [("tables", key) for key in SPANS] + [("redis", key) for key in ("1h", "6h", "24h")]
"""Redis lets cells of more than a week go at once."""


@pytest.mark.parametrize(("store", "key"), WINDOWS, indirect=["store"])
def test_tiles_are_compared_with_the_window_before(store, key):
    now, span = store.now(), SPANS[key]
    first = span.slots(now).start
    put(
        store,
        requests(now - 60, *[0.2] * 60),
        requests(first - span.length_s, *[0.1] * 38),  # the first slot of the window before
        requests(first - 60, 0.1, 0.1, status=500),  # and its last
        requests(first - span.length_s - 60, *[9.0] * 500),
    )
    seen = tiles(key)
    assert (seen["Requests"].value, seen["Requests"].change) == ("60", "+50 %")
    assert seen["p95"].change == "+100 %"
    assert (seen["Error rate"].value, seen["Error rate"].change) == ("0 %", "was 5 %")
    assert (seen["Apdex"].value, seen["Apdex"].change) == ("1.00", "was 1.00")


@pytest.mark.parametrize(("store", "key"), [each for each in WINDOWS if each[1] != "1h"], indirect=["store"])
def test_roll_ups_give_what_cells_gave(store, key):
    now, span = store.now(), SPANS[key]
    first = span.slots(now).start
    step = max(HOUR, span.length_s // 40)
    put(store, *(requests(at, 0.1, 0.2, status=500 if at // step % 7 == 0 else 200)
                 for at in range(first - span.length_s, first, step // 2)))  # fmt: skip
    found = []
    for _ in range(2):
        before.forget()
        slot = before.slot_before(store, span, now, REQUESTS, store.series(REQUESTS))
        found.append((slot.cell.count, slot.failed, round(slot.cell.sum, 6)))
        flush_metrics()
    assert found[0] == found[1]
    assert found[0][0] >= 2 * (span.length_s // step)


def test_nothing_is_said_of_few_requests_or_a_late_beginning(tables):
    now = tables.now()
    first = SPANS["1h"].slots(now).start
    put(tables, requests(now - 60, 0.2), requests(first - HOUR, *[0.1] * 19))
    assert {tile.change for tile in tiles().values()} == {""}
    put(tables, requests(first - HOUR // 2, *[0.1] * 500))
    assert tiles()["Requests"].change != ""


def test_a_site_that_began_in_the_middle_is_not_compared(tables):
    put(tables, requests(SPANS["1h"].slots(tables.now()).start - HOUR // 2, *[0.1] * 500))
    assert tiles()["Requests"].change == ""


def test_too_many_slots_are_not_read(tables, monkeypatch):
    monkeypatch.setattr(before, "COLUMNS_AT_MOST", 10)
    put(tables, requests(SPANS["1h"].slots(tables.now()).start - HOUR, *[0.1] * 50))
    assert tiles()["Requests"].change == ""


def test_is_read_once_for_each_slot(tables):
    now, span = tables.now(), SPANS["1h"]
    put(tables, requests(span.slots(now).start - HOUR, *[0.1] * 50))
    series = tables.series(REQUESTS)
    first = before.slot_before(tables, span, now, REQUESTS, series)
    with CaptureQueriesContext(connections["monitoring"]) as captured:
        assert before.slot_before(tables, span, now, REQUESTS, series) is first
        assert len(captured) == 0
        assert before.slot_before(tables, span, now + 60, REQUESTS, series) is not first


@pytest.mark.parametrize(("now", "earlier", "said"), [
    (138, 100, "+38 %"), (50, 100, "−50 %"), (100.2, 100, "±0 %"), (1200, 100, "×12"), (0, 5, "−100 %"),
    (5, 0, ""), (None, 5, ""), (5, None, ""),
])  # fmt: skip
def test_change(now, earlier, said):
    assert change(now, earlier) == said


def test_apdex_counts_satisfied_and_half_of_the_tolerated():
    cell = Cell()
    for seconds in [0.1] * 60 + [1.0] * 30 + [5.0] * 10:
        cell.observe(seconds, SECONDS_BOUNDS)
    assert apdex(cell, 0.5) == pytest.approx(0.75)
    assert apdex(cell, 0) == 0
    assert apdex(Cell(), 0.5) is None


def test_apdex_target_is_a_setting(tables, settings):
    put(tables, requests(tables.now() - 60, *[0.2] * 10))
    assert tiles()["Apdex"].value == "1.00"
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "APDEX_MS": 100}
    assert (tiles()["Apdex"].value, tiles()["Apdex"].tone, tiles()["Apdex"].note) == ("0.50", "critical", "of 100 ms")
