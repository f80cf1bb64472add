"""The ten routes that come first in an order are the right ten, from cells and from roll-ups alike."""

from __future__ import annotations

import random

import pytest

from artisan_monitoring.core.windows import DAY, HOUR, floor
from artisan_monitoring.dashboard import overview, rollups, top_routes, traffic
from artisan_monitoring.dashboard.top_routes import ORDERS, chosen, top
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.metrics.rollup import flush_metrics

from .seed import put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


def seed(store, routes: int = 15) -> dict[str, dict[str, float]]:
    """Put routes with different counts, failures and durations into the last two days; return what they have."""
    now, dice = store.now(), random.Random(4)
    facts: dict[str, dict[str, float]] = {}
    deltas = []
    for number in range(routes):
        route, mean = f"/route/{number}/", dice.uniform(0.01, 2)
        made = []
        for back in range(1, dice.randrange(6, 20)):
            at = now - (back * 2 * HOUR if back % 2 else 120 + back)
            values = [mean * dice.uniform(0.8, 1.2) for _ in range(dice.randrange(1, 9))]
            status = 500 if dice.random() < number / 40 else 200
            deltas.append(requests(at, *values, route=route, status=status))
            made += [(value, status) for value in values]
        ordered = sorted(value for value, _ in made)
        facts[route] = {
            "time": sum(ordered),
            "count": len(ordered),
            "errors": sum(status == 500 for _, status in made),
            "p95": ordered[max(0, -(-len(ordered) * 95 // 100) - 1)],
        }
    put(store, *deltas)
    return facts


@pytest.mark.parametrize("rolled", [False, True])
def test_first_ten_of_each_order(store, rolled):
    facts = seed(store)
    if rolled:
        flush_metrics()
    traffic.forget()
    seen = traffic.traffic(SPANS["7d"])
    assert len(seen.every_route) == 15
    for key, order in ORDERS.items():
        found = top(seen, order)
        wanted = sorted((each[key] for each in facts.values()), reverse=True)[:10]
        assert [facts[each.route][key] for each in found] == pytest.approx(wanted, rel=0.05)
        for each in found:
            assert each.count == each.cell.count == facts[each.route]["count"]
            assert each.cell.quantile(0.95) == pytest.approx(facts[each.route]["p95"], rel=0.03)


def test_what_everybody_shares_is_left_as_it_is(tables):
    seed(tables)
    flush_metrics()
    seen = traffic.traffic(SPANS["7d"])
    before = {each.route: each.cell.count for each in seen.routes}
    for order in ORDERS.values():
        top(seen, order)
        top(seen, order)
    assert {each.route: each.cell.count for each in seen.routes} == before
    assert all(each.cell.count in (0, each.count) for each in seen.every_route), "completed once, or not at all"
    assert [each.route for each in seen.routes] == [each.route for each in top(seen, ORDERS["time"])]


def test_an_order_is_read_once_for_all_viewers(tables, monkeypatch):
    seed(tables)
    flush_metrics()
    seen = traffic.traffic(SPANS["7d"])
    first = top(seen, ORDERS["p95"])
    monkeypatch.setattr(rollups, "read_route_cells", lambda *_: pytest.fail("read again"))
    assert top(seen, ORDERS["p95"]) is first


def test_slow_few_among_many_are_found_without_reading_all(tables, monkeypatch):
    day = floor(tables.now(), DAY) - DAY
    deltas = [requests(day + 3600, *[0.001] * 5, route=f"/quick/{number}/") for number in range(60)]
    slow = [requests(day + 3600, 9.0 + number, route=f"/slow/{number}/") for number in range(10)]
    put(tables, *deltas, *slow)
    flush_metrics()
    asked: list[str] = []
    read = rollups.read_route_cells
    seen = traffic.traffic(SPANS["7d"])
    monkeypatch.setattr(rollups, "read_route_cells", lambda *args: (asked.extend(args[3]), read(*args)))
    assert [each.route for each in top(seen, ORDERS["p95"])] == [f"/slow/{number}/" for number in range(9, -1, -1)]
    assert not [each for each in asked if each.startswith("/quick/")]


@pytest.mark.parametrize("asked", [None, "", "time", "size", "P95", ["p95"], "x" * 5000])
def test_anything_else_is_by_time(asked):
    assert chosen(asked) is ORDERS["time"]


def test_head_names_the_order_and_leads_to_the_others(tables):
    seed(tables, 3)
    context = overview.page(SPANS["1h"], ORDERS["errors"])
    heads = context["routes"].value["heads"]
    assert [(head["label"], head["on"]) for head in heads] == [
        ("Requests", False), ("Errors", True), ("p95", False), ("Share of time", False),
    ]  # fmt: skip
    assert heads[2]["query"] == "window=1h&sort=p95"
    assert (context["keep"], overview.page(SPANS["1h"])["keep"]) == ("sort=errors", "")
    assert top_routes.kept(ORDERS["p95"]) == "sort=p95"
