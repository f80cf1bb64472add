"""Deploy marks in the admin: a list to read, and flags on every page that has a time axis."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.utils import timezone

from artisan_monitoring.dashboard import traffic
from artisan_monitoring.deploys.marks import mark
from artisan_monitoring.models import Deploy
from artisan_monitoring.stores import get_store
from tests.dashboard.seed import put, requests
from tests.dashboard.test_overview import error

pytestmark = pytest.mark.django_db(databases="__all__")
LIST = "/admin/artisan_monitoring/deploy/"
OVERVIEW = "/admin/artisan_monitoring/overview/"
EVIL = "\"><script>alert(1)</script>'"
ROUTE = "/shop/"
PAGES = {
    OVERVIEW: 4,
    f"{OVERVIEW}route/?{urlencode({'route': ROUTE})}": 4,
    f"/admin/artisan_monitoring/metrics/metric/?{urlencode({'name': 'http.server.request.duration'})}": 2,
}


@pytest.fixture(autouse=True)
def _fresh():
    traffic.forget()
    yield
    traffic.forget()


def test_list_shows_them_and_changes_nothing(admin_client):
    mark("1.4.2", by="ci", note="new checkout")
    mark("1.4.2", again=True)
    Deploy.objects.create(release="1.4.3", environment="test", at=timezone.now(), noticed=True)
    html = admin_client.get(LIST).content.decode()
    for text in ("1.4.2", "1.4.2 (again)", "ci", "new checkout", "noticed", "said"):
        assert text in html
    pk = Deploy.objects.first().pk
    assert admin_client.get(f"{LIST}{pk}/change/").status_code == 200
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{pk}/delete/").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_every_chart_has_a_flag_and_a_row_in_its_table(admin_client, page):
    store = get_store()
    put(store, *(requests(store.now() - 60 * back, 0.02, route=ROUTE) for back in range(3, 20)))
    mark(EVIL, at=timezone.now() - timedelta(minutes=10), note=EVIL)
    mark("elsewhere", environment="staging")
    html = admin_client.get(page).content.decode()
    assert html.count('class="am-deploy"') == html.count('<th scope="col">Deploys</th>') == PAGES[page]
    assert html.count("<td>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#x27;</td>") == PAGES[page]
    assert "<script>alert" not in html
    assert "elsewhere" not in html


def test_error_has_them_on_its_chart(admin_client):
    group = error()
    mark("1.4.3", at=timezone.now() - timedelta(days=2), note=EVIL)
    mark("old", at=timezone.now() - timedelta(days=8))
    html = admin_client.get(f"/admin/artisan_monitoring/errorgroup/{group.pk}/change/").content.decode()
    assert html.count("<title>deploy of 1.4.3</title>") == 1
    assert html.count(">deploy of 1.4.3 <time") == 1
    assert "deploy of old" not in html
    assert "<script>alert" not in html


def test_pages_stand_without_the_table(admin_client):
    store = get_store()
    put(store, requests(store.now() - 120, 0.02, route=ROUTE))
    with connections["monitoring"].cursor() as cursor:
        cursor.execute("ALTER TABLE artisan_monitoring_deploy RENAME TO elsewhere")
    for page, charts in PAGES.items():
        assert admin_client.get(page).content.decode().count('class="am-plot"') == charts
