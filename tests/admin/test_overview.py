"""The overview in the admin: who sees it, how they get there, what it costs, how little of it can break."""

from __future__ import annotations

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

from artisan_monitoring.admin.overview import OverviewAdmin
from artisan_monitoring.dashboard import kept, traffic
from artisan_monitoring.models import Overview
from artisan_monitoring.stores import get_store
from tests.dashboard.seed import busy, counted, put, requests
from tests.dashboard.test_overview import error, fire, snapshot

pytestmark = pytest.mark.django_db(databases="__all__")
OVERVIEW = "/admin/artisan_monitoring/overview/"
EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{ 7|add:7 }}"


@pytest.fixture(autouse=True)
def _fresh():
    traffic.forget()
    yield
    traffic.forget()


def person(client, *codenames: str) -> User:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_address_has_both_names():
    assert reverse("admin:artisan_monitoring_overview") == OVERVIEW
    assert reverse("admin:artisan_monitoring_overview_changelist") == OVERVIEW


@pytest.mark.parametrize("page", ["/admin/", "/admin/artisan_monitoring/"])
def test_is_linked_from_the_index_and_the_apps_page(admin_client, page):
    html = admin_client.get(page).content.decode()
    assert html.count(f'href="{OVERVIEW}"') >= 1
    assert "/admin/artisan_monitoring/metrics/" in html
    assert "/admin/artisan_monitoring/jobs/" in html
    assert "artisan_monitoring/overview/add" not in html


def test_needs_a_login(client):
    response = client.get(OVERVIEW)
    assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={OVERVIEW}")


def test_needs_its_permission(client):
    person(client, "view_errorgroup", "view_alert", "view_metrics", "view_jobs", "view_metricseries")
    assert client.get(OVERVIEW).status_code == 403
    assert OVERVIEW not in client.get("/admin/").content.decode()


def test_shows_errors_and_alerts_to_who_may_see_those(client):
    error(type="SecretError")
    fire(name="Secret rule")
    person(client, "view_overview")
    html = client.get(OVERVIEW).content.decode()
    assert "SecretError" not in html
    assert "Secret rule" not in html
    assert "/metrics/" not in html
    User.objects.all().delete()
    person(client, "view_overview", "view_errorgroup", "view_alert", "view_metrics")
    html = client.get(OVERVIEW).content.decode()
    assert "SecretError" in html
    assert "Secret rule" in html
    assert "/metrics/" in html


class SiteWithTheOverviewAlone(AdminSite):
    """A host's own site, with only some of this app's pages."""


alone = SiteWithTheOverviewAlone(name="admin")
alone.register(Overview, OverviewAdmin)
urlpatterns = [path("admin/", alone.urls)]


def test_stands_alone_on_a_site_of_the_hosts(admin_client, settings):
    settings.ROOT_URLCONF = __name__
    error(message="order 17 refused")
    fire()
    html = admin_client.get(OVERVIEW).content.decode()
    assert "order 17 refused" in html
    assert "Many errors" in html
    assert "errorgroup" not in html


def test_row_pages_of_the_proxy_do_not_exist(admin_client):
    put(get_store(), requests(get_store().now(), 0.1))
    (series,) = get_store().series()
    for page in (f"{OVERVIEW}{series.id}/change/", f"{OVERVIEW}add/", f"{OVERVIEW}{series.id}/history/"):
        assert admin_client.get(page).status_code == 404


def test_shows_everything_at_once(admin_client):
    store = get_store()
    put(store, requests(store.now() - 120, 0.02, route="/shop/<int:pk>/"), counted(store.now(), 1))
    group = error(message="order 17 refused")
    fire()
    snapshot(store, "warn", output="91 % full")
    store.set_note("process", "p1", {"host": "web-1", "pid": 7}, 120)
    html = admin_client.get(OVERVIEW).content.decode()
    for text in (
        "/shop/&lt;int:pk&gt;/",
        "order 17 refused",
        "Many errors",
        "12 errors in 5 min.",
        "91 % full",
        "web-1",
    ):
        assert text in html
    assert reverse("admin:artisan_monitoring_errorgroup_change", args=[group.pk]) in html
    assert html.count('class="am-plot"') == 4
    assert html.partition('id="am-overview"')[2].count("<table") == 6


def test_without_anything_it_says_what_will_come(admin_client):
    html = admin_client.get(OVERVIEW).content.decode()
    assert "No request in the last hour" in html
    assert "monitoring_selftest" in html
    assert "No error has been seen" in html
    assert "No check has run yet" in html


ODD = ("window=", "window=0", "window=-1h", "window=10y", "window=%00", "window=1h&window=x",
       "window=" + "9" * 5000, "fragment=&window=%F0%9F%92%A9", "x=1")  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_any_address_is_answered(admin_client, query):
    assert admin_client.get(f"{OVERVIEW}?{query}").status_code == 200


@pytest.mark.parametrize("key", ["1h", "6h", "24h", "7d", "30d"])
def test_window_is_in_the_address(admin_client, key):
    html = admin_client.get(f"{OVERVIEW}?window={key}").content.decode()
    assert f'href="?window={key}" aria-current="true"' in html
    assert html.count('aria-current="true"') == 1


def test_hours_left_out_are_told(admin_client, monkeypatch):
    monkeypatch.setattr(traffic, "COLUMNS_AT_MOST", 60)
    store = get_store()
    put(store, *(requests(store.now() - hours * 3600, 0.02) for hours in range(6)))
    html = admin_client.get(f"{OVERVIEW}?window=7d").content.decode()
    assert "5 older hours of this window are left out" in html
    assert "left out" not in admin_client.get(OVERVIEW).content.decode()


def test_fragment_is_the_body_alone(admin_client):
    html = admin_client.get(f"{OVERVIEW}?window=6h&fragment=1").content.decode()
    assert "am-stamp" in html
    assert "<html" not in html
    assert 'id="am-body"' not in html


def test_is_never_cached_by_the_browser(admin_client):
    assert "no-store" in admin_client.get(OVERVIEW)["Cache-Control"]


def test_no_inline_style_or_script(admin_client):
    store = get_store()
    put(store, requests(store.now() - 120, 0.02))
    error()
    fire()
    html = admin_client.get(f"{OVERVIEW}?fragment=1").content.decode()
    assert "style=" not in html
    assert "<script" not in html
    assert " on" + "click=" not in html


def test_hostile_text_stays_text(admin_client):
    store = get_store()
    put(store, requests(store.now() - 120, 0.02, route=EVIL), counted(store.now(), 1, name=EVIL, tag=EVIL))
    error(type=EVIL[:200], message=EVIL)
    fire(name=EVIL)
    snapshot(store, "warn", output=EVIL)
    store.set_note("process", EVIL, {"host": EVIL, "pid": EVIL, "breaker": EVIL, "dropped": {EVIL: 1}}, 120)
    store.add_losses({EVIL: 1})
    html = admin_client.get(OVERVIEW).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "14" not in html.partition("7|add:7")[2][:3]


def test_unexpected_shapes_in_notes_do_not_break_the_page(admin_client):
    store = get_store()
    store.set_note("health", "snapshot", {"status": "odd"}, 100)
    store.set_note("process", "p", {"series": "many", "threads": 3, "pid": None, "dropped": None}, 100)
    store.set_note("worker", "w", {}, 100)
    response = admin_client.get(OVERVIEW)
    assert response.status_code == 200
    assert b"This cannot be read now" in response.content


def test_store_that_is_away_is_no_server_error(admin_client, settings):
    away = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": away}
    response = admin_client.get(OVERVIEW)
    assert response.status_code == 200
    html = response.content.decode()
    assert html.count("The store cannot be read now.") == 4
    assert "The process that answered this page" in html
    assert "Buffered series" in html
    assert "Nothing fires" not in html


# Each hour of cells is one query (and one more for each 83 series: the store reads 5,000 cells at once). Those that
# are remembered or rolled up are none.
LIMITS = {"1h": 33, "6h": 42, "24h": 40, "7d": 46, "30d": 68}


@pytest.mark.parametrize("key", LIMITS)
def test_costs_the_same_queries_for_five_series_and_for_eighty(admin_client, key):
    counts = []
    for number in (5, 80):
        busy(get_store(), number)
        traffic.forget()
        kept.forget()
        with CaptureQueriesContext(connections["monitoring"]) as captured:
            assert admin_client.get(OVERVIEW, {"window": key}).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= LIMITS[key], counts
