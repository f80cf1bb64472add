"""The page of one metric in the admin: how to get there, who may, any address, hostile text, what it costs."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.stores import get_store
from tests.dashboard.seed import counted, put

pytestmark = pytest.mark.django_db(databases="__all__")
METRICS = "/admin/artisan_monitoring/metrics/"
METRIC = f"{METRICS}metric/"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def orders(*shops: str, name: str = "orders") -> None:
    put(get_store(), *(counted(get_store().now() - 600, 1, name, shop=shop) for shop in shops or ("a",)))


def test_list_leads_to_it(admin_client):
    orders()
    link = f"{METRIC}?{urlencode({'name': 'orders', 'kind': 'counter', 'unit': 'count'})}"
    assert link.replace("&", "&amp;") in admin_client.get(METRICS).content.decode()
    html = admin_client.get(link).content.decode()
    assert html.count('class="am-plot"') == 1
    assert "name=orders&amp;kind=counter&amp;unit=count&amp;by=shop&amp;window=1h" in html


def test_a_group_leads_to_its_filter_and_back(admin_client):
    orders("a", "b")
    html = admin_client.get(METRIC, {"name": "orders", "by": "shop"}).content.decode()
    assert "name=orders&amp;where=shop%3Da&amp;window=1h" in html
    html = admin_client.get(METRIC, {"name": "orders", "where": "shop=a"}).content.decode()
    assert "Remove the filter shop=a" in html
    assert 'href="?name=orders&amp;window=1h"' in html


def test_needs_the_lists_permission(client):
    orders()
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_overview"))
    client.force_login(user)
    assert client.get(METRIC, {"name": "orders"}).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_metrics"))
    assert client.get(METRIC, {"name": "orders"}).status_code == 200


UNKNOWN = ({}, {"name": "nothing"}, {"name": "ш" * 5000}, {"name": "заказы"}, {"name": "\x00"}, {"name": EVIL},
           {"name": "orders", "by": "нет"}, {"name": "orders", "by": "x" * 5000}, {"name": "orders", "where": "x=1"},
           {"name": "orders", "where": EVIL}, {"name": "orders", "where": ["shop=a"] * 50 + ["shop=b"]},
           {"name": "orders", "kind": "\x00"}, {"name": "orders", "where": "shop=" + "9" * 5000})  # fmt: skip


@pytest.mark.parametrize("query", UNKNOWN)
def test_unknown_things_are_a_page_that_says_so(admin_client, query):
    orders()
    response = admin_client.get(METRIC, query)
    assert response.status_code == 404
    html = response.content.decode()
    assert "Not found" in html
    assert "<script>alert" not in html
    assert len(html) < 60_000


@pytest.mark.parametrize("name", ["заказы", EVIL, "a" * 200, "a&b=c#d"])
def test_any_name_that_is_recorded_has_its_page(admin_client, name):
    orders(EVIL, "b", name=name)
    for query in ({}, {"by": "shop"}, {"where": f"shop={EVIL}"}, {"window": "10y"}, {"fragment": "1"}):
        response = admin_client.get(METRIC, {"name": name, **query})
        assert response.status_code == 200
        html = response.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "style=" not in html.partition('id="content"')[2]


def test_store_that_is_away_is_no_server_error(admin_client, settings):
    away = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": away}
    response = admin_client.get(METRIC, {"name": "orders"})
    assert response.status_code == 200
    assert "The store cannot be read now." in response.content.decode()


def test_costs_the_same_queries_for_two_groups_and_for_eighty(admin_client):
    counts = []
    for number in (12, 80):
        orders(*(f"s{each}" for each in range(number)))
        with CaptureQueriesContext(connections["monitoring"]) as captured:
            assert admin_client.get(METRIC, {"name": "orders", "by": "shop"}).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 16, counts
