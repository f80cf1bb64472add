"""A store that goes away: before the page, while it is drawn, and on each kind of store; what there is is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError

from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.dashboard import overview, rollups, traffic
from artisan_monitoring.dashboard.sections import STORE_AWAY
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.models import MetricBucket
from artisan_monitoring.stores import get_store, reset_store
from artisan_monitoring.stores.database import reading
from artisan_monitoring.stores.redis import RedisStore
from tests.services import RedisServer

from .seed import put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def server(settings) -> Iterator[RedisServer]:
    """A Redis of this test's own, to be stopped."""
    server = RedisServer()
    server.start()
    chosen = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": server.url}}
    settings.ARTISAN_MONITORING = {**django_settings.ARTISAN_MONITORING, "STORE": chosen}
    yield server
    reset_store()
    server.close()


@contextmanager
def after(calls: int, owner: type, name: str, then) -> Iterator[None]:
    """Do something before the n-th call of a method."""
    real, seen = getattr(owner, name), []

    def stand_in(*args, **kwargs):
        seen.append(1)
        if len(seen) == calls:
            then()
        return real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, stand_in)
        yield
    assert len(seen) >= calls


def page(key: str = "1h"):
    return overview.page(SPANS[key], may_see_errors=False, may_see_alerts=False)


def test_redis_that_stops_while_the_page_is_drawn(server):
    store = get_store()
    put(store, requests(store.now(), 0.1, 0.2))
    with after(1, RedisStore, "summaries", server.stop):
        context = page()
    assert context["traffic"].problem == STORE_AWAY
    assert context["machinery"].problem == STORE_AWAY
    assert context["tiles"][0].value == "–"
    assert context["own"]


def test_the_hours_in_the_database_are_shown_without_redis(server):
    store = get_store()
    now = store.now()
    put(store, requests(now, 0.1), *(requests(now - hours * HOUR, 0.2, 0.3, route=f"/{hours}/") for hours in (3, 4)))
    flush_metrics()
    server.stop()
    seen = page("24h")["traffic"].value
    assert (seen.total.cell.count, {route.route for route in seen.routes}) == (4, {"/3/", "/4/"})
    assert "rolled up into the database" in seen.away
    assert seen.routes[0].cell.count == 2
    assert page("1h")["traffic"].problem == STORE_AWAY


def test_the_last_answer_is_shown_as_such(server, monkeypatch):
    monkeypatch.setattr(traffic, "KEPT_S", 0.0)
    store = get_store()
    put(store, requests(store.now(), 0.1, 0.2))
    assert page()["traffic"].value.away == ""
    server.stop()
    seen = page()["traffic"].value
    assert (seen.total.cell.count, "as they were last seen" in seen.away) == (2, True)
    monkeypatch.setattr(traffic, "STALE_S", 0.0)
    assert page()["traffic"].problem == STORE_AWAY
    server.start()
    assert page()["traffic"].value.away == ""


def test_a_database_that_goes_away_while_the_page_is_drawn(tables):
    put(tables, requests(tables.now(), 0.1))

    def gone() -> None:
        raise OperationalError("the database went away")

    real = MetricBucket.objects.using

    def using(alias: str):
        gone()
        return real(alias)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading.MetricBucket.objects, "using", using)
        context = page()
    assert context["traffic"].problem == STORE_AWAY
    assert context["machinery"].problem == ""
    assert page()["traffic"].value.total.cell.count == 1


def test_a_database_without_roll_ups_says_so_too(tables, monkeypatch):
    def away(*args, **kwargs):
        raise StoreUnavailable("gone")

    def broken(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(type(tables), "now", away)
    assert page("7d")["traffic"].problem == STORE_AWAY
    monkeypatch.setattr(rollups, "summaries", broken)
    assert page("7d")["traffic"].problem == STORE_AWAY
