"""The page of one route: its numbers from cells and from roll-ups, its errors, its slowest requests."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from artisan_monitoring.core.histogram import OTHER_BOUNDS, SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.dashboard import route as module
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.models import ErrorEvent, ErrorGroup

from .seed import put, request_series, requests

pytestmark = pytest.mark.django_db(databases="__all__")
SHOP = "/shop/"


def page(key: str = "1h", route: str = SHOP, **may):
    return module.page(route, SPANS[key], **may)


def tiles(context) -> dict[str, str]:
    return {tile.label: tile.value for tile in context["tiles"]}


def of_queries(at: float, name: str, unit: str, *values: float, route: str = SHOP) -> Delta:
    cell = Cell()
    for each in values:
        cell.observe(each, SECONDS_BOUNDS if unit == "s" else OTHER_BOUNDS)
    tags = (("http.request.method", "GET"), ("http.route", route))
    return Delta(Series(name, "distribution", unit, tags), int(at) // 60 * 60, 60, cell)


def known_request(at: float, seconds: float, request_id: str) -> Delta:
    """One request that is known as an exemplar."""
    cell = Cell()
    slot = cell.observe(seconds, SECONDS_BOUNDS)
    cell.exemplars = {slot: (seconds, at, {"trace_id": "t" + request_id, "request_id": request_id})}
    return Delta(request_series(SHOP), int(at) // 60 * 60, 60, cell)


def sample(group: ErrorGroup, route: str, request_id: str = "", ago_s: float = 60) -> ErrorEvent:
    return ErrorEvent.objects.create(
        group=group, event_id=uuid4(), occurred_at=timezone.now() - timedelta(seconds=ago_s), type=group.type,
        severity="HIGH", route=route, request_id=request_id, details={},
    )  # fmt: skip


def group(type_: str = "ValueError") -> ErrorGroup:
    now = timezone.now()
    return ErrorGroup.objects.create(type=type_, message="no", severity="HIGH", first_seen=now, last_seen=now)


@pytest.mark.parametrize("key", SPANS)
def test_numbers_are_of_this_route_alone(store, key):
    now = store.now()
    put(
        store,
        requests(now - 120, *[0.02] * 8, 0.3),
        requests(now - 120, 0.5, status=503),
        requests(now - 120, *[9.0] * 50, route="/cart/"),
        of_queries(now - 120, "artisan.db.queries", "{query}", 0, 2, 4, 14),
        of_queries(now - 120, "artisan.db.query_time", "s", 0.004, 0.004, 0.004),
        of_queries(now - 120, "artisan.db.queries", "{query}", 900, route="/cart/"),
    )
    seen = tiles(page(key))
    assert (seen["Requests"], seen["Error rate"], seen["p50"]) == ("10", "10 %", "20 ms")
    assert (seen["Queries a request"], seen["Query time"]) == ("5", "3 ms")
    rows = page(key)["answers"]
    assert [(row["method"], row["status"], row["count"], row["tone"]) for row in rows] == [
        ("GET", "200", "9", ""),
        ("GET", "503", "1", "critical"),
    ]
    assert [chart.title for chart in page(key)["charts"]] == [
        "Throughput", "Error rate", "Latency", "Latency heat map", "Queries a request", "Query time",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["24h", "7d"])
def test_roll_ups_give_what_cells_gave(store, key):
    now = store.now()
    put(store, *(requests(now - hours * HOUR, 0.01 * (hours + 1), status=500 if hours % 5 == 0 else 200)
                 for hours in range(23)))  # fmt: skip
    before = page(key)
    assert flush_metrics() >= 20
    after = page(key)
    assert tiles(after)["Requests"] == tiles(before)["Requests"] == "23"
    assert tiles(after)["Error rate"] == tiles(before)["Error rate"]
    counted = [[line.values[:-1] for line in context["charts"][0].lines] for context in (before, after)]
    assert counted[0] == counted[1]


def test_slowest_come_first_each_once_within_the_window(store):
    now = store.now()
    put(store, known_request(now - 120, 0.04, "quick"), known_request(now - 180, 3.0, "slow"),
        known_request(now - 5 * HOUR, 8.0, "older"))  # fmt: skip
    assert [row["request_id"] for row in page()["slowest"]] == ["slow", "quick"]
    assert [row["request_id"] for row in page("6h")["slowest"]] == ["older", "slow", "quick"]
    assert page()["slowest"][0]["value"] == "3 s"


def test_long_windows_know_exemplars_of_hours_that_were_rolled_up(store):
    now = store.now()
    put(store, known_request(now - 5 * HOUR, 8.0, "older"), requests(now - 60, 0.02))
    flush_metrics()
    assert [row["request_id"] for row in page("24h")["slowest"]] == ["older"]


def test_slow_request_leads_to_the_error_it_ended_in(tables):
    put(tables, known_request(tables.now() - 120, 3.0, "r1"), known_request(tables.now() - 120, 0.02, "r2"))
    event = sample(group(), "elsewhere/", "r1")
    rows = page()["slowest"]
    assert [row["error"] for row in rows] == [(event.group_id, event.pk, "ValueError"), None]
    assert "error" not in page(may_see_errors=False)["slowest"][0]


def test_errors_are_of_this_route_and_window(tables):
    put(tables, requests(tables.now() - 120, 0.02))
    mine, other, old = group("MineError"), group("OtherError"), group("OldError")
    sample(mine, "shop/"), sample(mine, SHOP), sample(other, "cart/"), sample(old, "shop/", ago_s=2 * HOUR)
    rows = page()["errors"].value
    assert [(row["type"], row["samples"]) for row in rows] == [("MineError", 2)]
    assert len(page("6h")["errors"].value) == 2
    assert page(may_see_errors=False)["errors"] is None


def test_known_route_without_a_request_in_the_window(tables):
    put(tables, requests(tables.now() - 3 * HOUR, 0.02))
    seen = page()
    assert seen["empty"]
    assert seen["charts"] == []
    assert not page("6h")["empty"]


def test_unknown_route(tables):
    put(tables, requests(tables.now() - 60, 0.02))
    with pytest.raises(module.UnknownRoute):
        page(route="/nowhere/")


def test_store_away_leaves_the_errors(db, store_away):
    sample(group(), "shop/")
    seen = page()
    assert "store cannot be read" in seen["problem"]
    assert [row["type"] for row in seen["errors"].value] == ["ValueError"]
    assert seen["tiles"] == []
