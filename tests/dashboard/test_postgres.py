"""The pages' own statements on PostgreSQL, whose sums are decimals: roll-ups, routes, metrics, the whole overview."""

from __future__ import annotations

import json

import pytest

from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.dashboard import metric_list, overview, traffic
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.stores import get_store, reset_store
from artisan_monitoring.stores.connection import close_own_connections
from tests.stores.backends import empty_tables, make_tables

from .seed import put, requests
from .test_traffic import compare_cells_and_rollups


@pytest.fixture(scope="session")
def postgres_alias(postgres, django_db_blocker) -> str:
    """A migrated PostgreSQL database of its own."""
    with django_db_blocker.unblock():
        make_tables("dashboard_postgres", postgres.settings(postgres.create_database()))
    return "dashboard_postgres"


@pytest.fixture
def store(postgres_alias, settings, django_db_blocker):
    with django_db_blocker.unblock():
        settings.ARTISAN_MONITORING = {"DATABASE": postgres_alias, "IN_TESTS": True, "HOUSEKEEPING": "off"}
        empty_tables(postgres_alias)
        yield get_store()
        reset_store()
        close_own_connections()


@pytest.mark.parametrize("key", ["24h", "7d"])
def test_rolled_hours_give_the_same_numbers_as_their_cells(store, key):
    compare_cells_and_rollups(store, key)


@pytest.mark.parametrize("key", SPANS)
def test_every_window_is_drawn_from_plain_numbers(store, key):
    now = store.now()
    put(store, *(requests(now - back * HOUR, 0.02, status=500 if back % 3 else 200) for back in range(30)))
    flush_metrics()
    traffic.forget()
    context = overview.page(SPANS[key], may_see_errors=False, may_see_alerts=False)
    assert [
        name
        for name in ("traffic", "health", "processes", "machinery", "users", "celery", "hosts")
        if context[name].problem
    ] == []
    for route in context["traffic"].value.routes:
        assert (type(route.count), type(route.failed), type(route.time_s)) == (int, int, float)
    assert all(json.dumps([line.values for line in chart.lines]) for chart in context["charts"][:3])


def test_metrics_from_roll_ups(store, monkeypatch):
    monkeypatch.setattr(metric_list, "LIVE_SERIES", 0)
    put(store, requests(floor(store.now(), HOUR) - 60, 0.02))
    flush_metrics()
    (metric,) = metric_list.metrics()
    metric_list.fill([metric])
    assert metric.figures == ["1", "20 ms", "20 ms", "20 ms"]
