"""The list of metrics in the admin: what is there on both stores, the last hour of it, found and paged."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import OVERFLOW, Series
from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.dashboard import metric_list
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.stores import get_store, reset_store
from tests.dashboard.seed import counted, put, request_series, requests

pytestmark = pytest.mark.django_db(databases="__all__")
METRICS = "/admin/artisan_monitoring/metrics/"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture(params=["tables", "redis"])
def store(request, settings):
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        server.client().flushall()
        chosen = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": server.url}}
        settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": chosen}
    yield get_store()
    reset_store()


def rows(html: str) -> dict[str, list[str]]:
    """Return the table's texts by metric."""
    found = re.findall(r"<code>([^<]+)</code>.*?</th>(.*?)</tr>", html.partition("am-list")[2], re.DOTALL)
    return {name: [re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<td[^>]*>(.*?)</td>", cells)]
            for name, cells in found}  # fmt: skip


def gauge(at: float, value: float) -> Delta:
    cell = Cell()
    cell.set(value, at)
    return Delta(Series("queue", "gauge", "1", ()), int(at) // 60 * 60, 60, cell)


def test_each_kind_with_its_last_hour(admin_client, store):
    now = store.now()
    put(
        store,
        requests(now - 60, *[0.02] * 19, 0.3),
        requests(now - 120, 0.02, route="/cart/"),
        requests(now - 2 * HOUR, 5.0),
        counted(now - 60, 7, name="orders"),
        gauge(now - 60, 4),
        gauge(now - 120, 8),
    )
    html = admin_client.get(METRICS).content.decode()
    assert "3 metrics in 4 series" in html
    assert "The last 60 minutes" in html
    assert rows(html) == {
        "http.server.request.duration": ["distribution", "s", "2", "21", "33 ms", "20 ms", "300 ms"],
        "orders": ["counter", "count", "1", "7", "–", "–", "–"],
        "queue": ["gauge", "1", "1", "2", "6", "–", "8"],
    }
    assert "http.request.method, http.response.status_code, http.route" in html


def test_many_series_show_the_last_full_hour_of_roll_ups(admin_client, store, monkeypatch):
    monkeypatch.setattr(metric_list, "LIVE_SERIES", 1)
    hour = floor(store.now(), HOUR) - HOUR
    put(store, requests(hour + 60, 0.02), requests(hour + 120, 0.02, route="/cart/"), requests(hour - 60, 0.02),
        counted(hour + 60, 7, name="orders"), counted(store.now(), 1, name="orders"))  # fmt: skip
    flush_metrics()
    html = admin_client.get(METRICS).content.decode()
    assert re.search(r"\d\d:00–\d\d:00 UTC", html)
    assert [cells[3] for cells in rows(html).values()] == ["2", "7"]


def test_found_by_a_part_of_the_name_and_paged(admin_client, monkeypatch):
    monkeypatch.setattr(metric_list, "PER_PAGE", 2)
    put(get_store(), *(counted(get_store().now(), 1, name=f"shop.{letter}") for letter in "abcde"))
    assert list(rows(admin_client.get(METRICS).content.decode())) == ["shop.a", "shop.b"]
    assert list(rows(admin_client.get(METRICS, {"p": 3}).content.decode())) == ["shop.e"]
    assert list(rows(admin_client.get(METRICS, {"q": "P.C"}).content.decode())) == ["shop.c"]
    assert 'href="?q=shop&amp;p=2"' in admin_client.get(METRICS, {"q": "shop"}).content.decode()
    assert "No metric of that name" in admin_client.get(METRICS, {"q": "nothing"}).content.decode()


ODD = ({"p": "0"}, {"p": "-1"}, {"p": "x"}, {"p": "9" * 500}, {"p": ["1", "2"]},
       {"q": "\x00"}, {"q": "ш" * 9000}, {"q": "%"}, {"q": EVIL})  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_any_address_is_answered(admin_client, query):
    put(get_store(), counted(get_store().now(), 1))
    response = admin_client.get(METRICS, query)
    assert response.status_code == 200
    assert b"<script>alert" not in response.content


def test_overflow_is_told(admin_client):
    put(get_store(), requests(get_store().now(), 0.1),
        Delta(Series("http.server.request.duration", "distribution", "s", OVERFLOW), 60, 60, Cell()))  # fmt: skip
    html = admin_client.get(METRICS).content.decode()
    assert "overflow" in html
    assert "otel_metric_overflow" not in html


def test_empty_store_says_how_to_begin(admin_client):
    html = admin_client.get(METRICS).content.decode()
    assert "No metric yet" in html
    assert "metrics_collector.increment" in html


def test_hostile_names_units_and_tags_stay_text(admin_client):
    cell = Cell()
    cell.add(1)
    put(get_store(), Delta(Series(EVIL, "counter", EVIL, ((EVIL, EVIL),)), int(get_store().now()) // 60 * 60, 60, cell))
    html = admin_client.get(METRICS).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html


def test_store_that_is_away_is_said_so(admin_client, settings):
    away = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": away}
    response = admin_client.get(METRICS)
    assert response.status_code == 200
    assert "The store cannot be read now." in response.content.decode()
    assert "No metric yet" not in response.content.decode()


def test_needs_its_permission(client):
    user = User.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert client.get(METRICS).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_metrics"))
    assert client.get(METRICS).status_code == 200


def test_costs_the_same_queries_for_one_series_and_for_eighty(admin_client):
    counts = []
    for number in (1, 80):
        now = get_store().now()
        put(
            get_store(),
            *(Delta(request_series(f"/{each}/"), int(now) // 60 * 60, 60, Cell()) for each in range(number)),
        )
        with CaptureQueriesContext(connections["monitoring"]) as captured:
            admin_client.get(METRICS)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6, counts
