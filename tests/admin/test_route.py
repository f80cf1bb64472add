"""The route's page in the admin: who sees it, how they get there, what it costs, how little of it can break."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from artisan_monitoring.dashboard import traffic
from artisan_monitoring.stores import get_store
from tests.dashboard.seed import put, requests
from tests.dashboard.test_overview import error
from tests.dashboard.test_route import known_request, sample

pytestmark = pytest.mark.django_db(databases="__all__")
OVERVIEW = "/admin/artisan_monitoring/overview/"
ROUTE = "/admin/artisan_monitoring/overview/route/"
EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{ 7|add:7 }}"


@pytest.fixture(autouse=True)
def _fresh():
    traffic.forget()
    yield
    traffic.forget()


def shop(*routes: str) -> None:
    store = get_store()
    put(store, *(requests(store.now() - 120, 0.02, route=each) for each in routes or ("/shop/",)))


@pytest.mark.parametrize("route", ["/shop/", "/shop/<int:pk>/", "", EVIL, "/каталог/?x=1&y=2#z"])
def test_overview_leads_to_it(admin_client, route):
    shop(route)
    link = f"{reverse('admin:artisan_monitoring_overview_route')}?{urlencode({'route': route, 'window': '6h'})}"
    html = admin_client.get(OVERVIEW, {"window": "6h"}).content.decode()
    assert link.replace("&", "&amp;") in html
    response = admin_client.get(link)
    assert response.status_code == 200
    assert 'href="?route=' in response.content.decode()
    assert "am-plot" in response.content.decode()


def test_needs_the_overviews_permission(client):
    shop()
    put(get_store(), known_request(get_store().now() - 120, 3.0, "r1"))
    event = sample(error(type="SecretError"), "shop/", "r1")
    user = User.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert client.get(ROUTE, {"route": "/shop/"}).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_overview"))
    html = client.get(ROUTE, {"route": "/shop/"}).content.decode()
    assert "r1" in html
    assert "SecretError" not in html
    assert "?event=" not in html
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_overview", "view_errorgroup"]))
    html = client.get(ROUTE, {"route": "/shop/"}).content.decode()
    assert "SecretError" in html
    assert f"{event.group_id}/change/?event={event.pk}" in html


@pytest.mark.parametrize("route", ["/nowhere/", "ш" * 5000, "\x00", EVIL, "'; DROP TABLE x; --", "💩"])
def test_unknown_route_is_a_page_that_says_so(admin_client, route):
    shop()
    response = admin_client.get(ROUTE, {"route": route})
    assert response.status_code == 404
    html = response.content.decode()
    assert "is known" in html
    assert OVERVIEW in html
    assert "<script>alert" not in html
    assert len(html) < 60_000


def test_address_without_a_route(admin_client):
    assert admin_client.get(ROUTE).status_code == 404


@pytest.mark.parametrize("window", ["0", "-1h", "10y", "\x00", "9" * 5000])
def test_any_window_is_answered(admin_client, window):
    shop()
    assert admin_client.get(ROUTE, {"route": "/shop/", "window": window}).status_code == 200


def test_fragment_is_the_body_alone(admin_client):
    shop()
    html = admin_client.get(ROUTE, {"route": "/shop/", "fragment": "1"}).content.decode()
    assert "am-stamp" in html
    assert "<html" not in html


def test_hostile_text_stays_text(admin_client):
    store = get_store()
    delta = known_request(store.now() - 120, 3.0, EVIL)
    put(store, delta, requests(store.now() - 120, 0.02, route=EVIL, status=500))
    sample(error(type=EVIL[:200], message=EVIL), EVIL)
    sample(error(type=EVIL[:200], message=EVIL), "shop/")
    for route in (EVIL, "/shop/"):
        html = admin_client.get(ROUTE, {"route": route}).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(1)" in html
        assert "style=" not in html.partition('id="content"')[2]


def test_store_that_is_away_is_no_server_error(admin_client, settings):
    away = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": away}
    response = admin_client.get(ROUTE, {"route": "/shop/"})
    assert response.status_code == 200
    assert "The store cannot be read now." in response.content.decode()


def test_costs_the_same_queries_for_one_route_and_for_eighty(admin_client):
    counts = []
    for number in (1, 80):
        shop("/shop/", *(f"/{each}/" for each in range(number)))
        with CaptureQueriesContext(connections["monitoring"]) as captured:
            assert admin_client.get(ROUTE, {"route": "/shop/", "window": "7d"}).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 24, counts
