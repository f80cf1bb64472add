"""The requests of a window, from cells and from roll-ups: the same numbers, on both stores, exact at the edges."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.windows import DAY, HOUR, floor
from artisan_monitoring.dashboard import traffic as module
from artisan_monitoring.dashboard.pieces import rolled_hours
from artisan_monitoring.dashboard.traffic import traffic
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.metrics.rollup import flush_metrics

from .seed import counted, put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


def read(key: str = "1h"):
    module._answers.clear()
    return traffic(SPANS[key])


@pytest.mark.parametrize("key", SPANS)
def test_counts_failures_times_and_errors_of_the_window(store, key):
    now = store.now()
    put(
        store,
        requests(now - 60, 0.010, 0.020),
        requests(now - 60, 0.500, status=503),
        requests(now - 60, 9.0, status=404),
        requests(now - 31 * DAY, 1.0, 1.0),
        counted(now - 60, 4, severity="HIGH"),
    )
    seen = read(key)
    assert (seen.total.cell.count, seen.total.failed, seen.errors) == (4, 1, 4)
    assert seen.total.cell.quantile(0.5) == pytest.approx(0.020, rel=0.02)
    (route,) = seen.routes
    assert (route.route, route.count, route.failed) == ("/shop/", 4, 1)
    assert route.time_s == pytest.approx(9.53)


def test_edge_is_exact_to_the_slot(tables):
    first = SPANS["1h"].slots(tables.now())[0]
    put(tables, requests(first, 0.1), requests(first - 60, 0.1))
    seen = read()
    assert (seen.total.cell.count, list(seen.slots)) == (1, [first])


def compare_cells_and_rollups(store, key) -> None:
    """Record a day, read the window from cells, roll up, read it from roll-ups: one answer."""
    now = store.now()
    deltas = [
        requests(now - hours * HOUR, 0.01 * (hours + 1), route=f"/{hours % 3}/", status=500 if hours % 5 == 0 else 200)
        for hours in range(23)
    ]
    put(store, *deltas, *(counted(now - hours * HOUR, hours) for hours in range(23)))
    before = read(key)
    assert flush_metrics() >= 20
    after = read(key)
    assert before.total.cell.count == after.total.cell.count == 23
    assert (before.total.failed, before.errors) == (after.total.failed, after.errors)
    assert sorted(before.slots) == sorted(after.slots)
    assert [(each.route, each.count, each.failed) for each in before.routes] == [
        (each.route, each.count, each.failed) for each in after.routes
    ]
    for old, new in zip(before.routes, after.routes, strict=True):
        assert new.time_s == pytest.approx(old.time_s)
        assert new.cell.quantile(0.95) == pytest.approx(old.cell.quantile(0.95), rel=0.03)


@pytest.mark.parametrize("key", ["24h", "7d"])
def test_rolled_hours_give_the_same_numbers_as_their_cells(store, key):
    compare_cells_and_rollups(store, key)


def test_whole_days_are_read_as_days_and_count_once(tables):
    now = tables.now()
    put(tables, *(requests(floor(now, DAY) - 3 * DAY + hour * HOUR, 0.1) for hour in range(24)), requests(now, 0.1))
    flush_metrics()
    assert rolled_hours(SPANS["7d"], now, tables.dirty_hours()).days
    seen = read("7d")
    assert (seen.total.cell.count, seen.routes[0].count, seen.routes[0].cell.count) == (25, 25, 25)


def test_hours_nobody_rolled_up_are_read_only_as_far_as_they_are_cheap(tables, monkeypatch):
    monkeypatch.setattr(module, "COLUMNS_AT_MOST", 300)
    now = tables.now()
    put(tables, *(requests(now - hours * HOUR, 0.1) for hours in range(20)))
    seen = read("24h")
    assert (seen.total.cell.count, seen.hours_left_out) == (5, 15)
    flush_metrics()
    seen = read("24h")
    assert (seen.total.cell.count, seen.hours_left_out) == (20, 0)


def test_late_batch_into_a_rolled_hour_is_seen_before_its_next_roll_up(tables):
    at = tables.now() - 3 * HOUR
    put(tables, requests(at, 0.1))
    flush_metrics()
    put(tables, requests(at, 0.1))
    assert read("24h").total.cell.count == 2
    flush_metrics()
    assert read("24h").total.cell.count == 2


def test_one_answer_serves_all_viewers_for_some_seconds(tables):
    put(tables, requests(tables.now(), 0.1))
    first = traffic(SPANS["1h"])
    put(tables, requests(tables.now(), 0.1))
    assert traffic(SPANS["1h"]) is first
    assert traffic(SPANS["6h"]).total.cell.count == 2


def test_longest_ten_routes_by_time_not_by_number(tables):
    now = tables.now()
    put(
        tables,
        *(requests(now, *[0.001] * 50, route=f"/quick/{number}/") for number in range(15)),
        requests(now, 2.0, route="/slow/"),
        requests(now, 3.0, route=""),
    )
    shown = [each.route for each in read().routes]
    assert (len(shown), shown[:2]) == (10, ["", "/slow/"])


def test_cells_of_the_other_routes_are_read_when_they_are_wanted(store):
    now = store.now()
    put(store, *(requests(now - 2 * HOUR, *[0.1] * 40, route=f"/{number}/") for number in range(12)),
        requests(now - 2 * HOUR, 0.2, route="/rare/"), requests(now, 0.3, route="/rare/"))  # fmt: skip
    for key in ("6h", "24h"):
        seen = read(key)
        (rare,) = [each for each in seen.every_route if each.route == "/rare/"]
        assert rare not in seen.routes
        assert (rare.count, rare.cell.count) == (2, 0)
        for _ in range(2):
            module.complete(seen, [rare, seen.routes[0]])
            assert (rare.cell.count, rare.cell.max, seen.routes[0].cell.count) == (2, 0.3, 40)
        flush_metrics()


def test_young_slot_has_no_rate_yet(tables):
    now = tables.now()
    put(tables, requests(now, *[0.1] * 6), requests(now - 300, *[0.1] * 6))
    seen = read()
    assert seen.rate(floor(now, 60)) is None
    assert seen.rate(floor(now - 300, 60)) == pytest.approx(0.1)
    assert seen.rate(floor(now - 600, 60)) is None


def test_nothing_recorded_is_empty(store):
    for key in SPANS:
        assert read(key).empty


def test_store_that_is_away_is_said_so(store_away):
    with pytest.raises(StoreUnavailable):
        read()


def test_nobody_waits_for_long_behind_a_store_that_hangs(tables, monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.05)
    with module._lock, pytest.raises(StoreUnavailable):
        read()
