"""Ranges and wrong input in the address of the pages: kept in every link and form, and told, never an error."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

import pytest

from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.dashboard import traffic
from artisan_monitoring.dashboard.windows import iso_minute
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.stores import get_store
from tests.dashboard.seed import REQUESTS, put, requests

pytestmark = pytest.mark.django_db(databases="__all__")
OVERVIEW = "/admin/artisan_monitoring/overview/"
ROUTE = f"{OVERVIEW}route/?route=/shop/"
METRIC = f"/admin/artisan_monitoring/metrics/metric/?name={REQUESTS}&by=http.route&where=http.request.method%3DGET"
PAGES = (f"{OVERVIEW}?", f"{ROUTE}&", f"{METRIC}&")


@pytest.fixture(autouse=True)
def _fresh():
    traffic.forget()
    yield
    traffic.forget()


@pytest.fixture
def moment() -> int:
    """A minute three hours ago, with two requests in it and others around it."""
    store = get_store()
    at = floor(store.now(), 60) - 3 * HOUR
    put(store, requests(at, 0.1, 0.3), *(requests(at + 60 * far, *[0.01] * 5) for far in (-31, -30, 29, 30)))
    put(store, requests(store.now(), *[0.01] * 50))
    return at


def between(start: int, end: int) -> str:
    return urlencode({"from": iso_minute(start), "to": iso_minute(end)}, safe=":")


def html_of(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_range_holds_its_requests_and_no_other(admin_client, moment, page):
    html = html_of(admin_client, page + between(moment - 60, moment + 120))
    assert "2 observations" in html or re.search(r'am-value">2<|<td class="am-num">2</td>', html)
    assert html.count('class="am-plot"') >= 2
    wider = html_of(admin_client, page + between(moment - 30 * 60, moment + 30 * 60))
    assert re.search(r'am-value">12<|<td class="am-num">12</td>', wider)


@pytest.mark.parametrize("page", PAGES)
def test_a_range_is_in_the_form_and_in_every_link_that_keeps_the_window(admin_client, moment, page):
    asked = between(moment - 60, moment + 120)
    html = html_of(admin_client, page + asked)
    assert f'name="from" value="{iso_minute(moment - 60)}"' in html
    assert f'name="to" value="{iso_minute(moment + 120)}"' in html
    links = re.findall(r'href="([^"]*\?[^"]*from=[^"]*)"', html)
    assert links
    assert all(asked.replace("&", "&amp;") in link for link in links)
    assert 'aria-current="true">1h' not in html


def test_the_form_keeps_what_the_page_is_about(admin_client, moment):
    html = html_of(admin_client, f"{METRIC}&where=http.route=%2Fshop%2F&window=6h&fragment=")
    form = html_of(admin_client, f"{METRIC}&where=http.route=%2Fshop%2F&window=6h").partition('class="am-range"')[2]
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.partition("</form>")[0])
    assert hidden == [
        ("name", REQUESTS),
        ("by", "http.route"),
        ("where", "http.request.method=GET"),
        ("where", "http.route=/shop/"),
    ]
    assert 'class="am-range"' not in html


WRONG = {
    "window=0": "“0” is no window",
    "window=-1h": "“-1h” is no window",
    "window=10y": "“10y” is no window",
    "window=%00": "is no window",
    "window=%3Cscript%3E": "“&lt;script&gt;” is no window",
    "window=" + "9" * 5000: "is no window",
    "from=2020-01-01T00:00&to=2020-01-02T00:00": "older than anything that is kept (90 days)",
    "from=2999-01-01T00:00": "lies in the future",
    "from=2026-01-02T00:00&to=2026-01-01T00:00": "ends before it begins",
    "from=now&to=then": "is no time",
    "from=&to=%D0%B2%D1%87%D0%B5%D1%80%D0%B0": "“вчера” is no time",
}


def test_a_wrong_window_is_told_and_the_last_hour_shown(admin_client, moment):
    for at, (query, said) in enumerate(WRONG.items()):
        html = html_of(admin_client, PAGES[at % len(PAGES)] + query)
        assert said in html
        assert "Shown is the last hour." in html
        assert re.search(r'aria-current="true"[^>]*>1h<', html)
        assert re.search(r'am-value">50<|<td class="am-num">50</td>', html)


def test_a_range_that_ends_in_the_future_is_shown_up_to_now(admin_client, moment):
    html = html_of(admin_client, f"{OVERVIEW}?from={iso_minute(moment - 60)}&to=2999-01-01T00:00")
    assert "ends in the future: shown is up to now" in html
    assert 'am-value">62<' in html


UNKNOWN = ("неизвестная.метрика", "м" * 5000, "x" * 5000, "a\x00b", "<b>", "%", "' OR 1=1 --", "\uffff")


def test_an_unknown_metric_is_not_found_and_says_so(admin_client, moment):
    for name in UNKNOWN:
        response = admin_client.get(f"/admin/artisan_monitoring/metrics/metric/?name={quote(name)}&window=10y")
        assert response.status_code == 404
        html = response.content.decode()
        assert "Not found" in html
        assert len(html) < 60_000
        assert "<b>”" not in html


def test_an_unknown_tag_is_not_found_and_says_so(admin_client, moment):
    for query in ("by=no.such.tag", "where=no.such.tag%3D1", "where=http.route%3Dnowhere", "by=" + "т" * 5000):
        response = admin_client.get(f"/admin/artisan_monitoring/metrics/metric/?name={REQUESTS}&{query}")
        assert response.status_code == 404
        assert re.search("has no tag|names no tag|No series of", response.content.decode())


def test_a_range_is_compared_with_the_one_before(admin_client, moment):
    store = get_store()
    put(store, requests(moment - 20 * 60, *[0.1] * 40), requests(moment + 10 * 60, *[0.2] * 60))
    html = html_of(admin_client, f"{OVERVIEW}?{between(moment, moment + 20 * 60)}")
    assert 'am-value">62 <span class="am-change"' in html
    assert "+55 %" in html


def test_a_range_of_long_ago_comes_from_roll_ups(admin_client):
    store = get_store()
    at = floor(store.now() - 20 * 86_400, HOUR)
    put(store, requests(at, 0.1, 0.2), requests(at + HOUR, 0.5, status=500))
    flush_metrics()
    store.expire(int(store.now()), 0)
    html = html_of(admin_client, f"{OVERVIEW}?{between(at, at + 2 * HOUR)}")
    assert 'am-value">3<' in html
    assert "1 answered 5xx" in html
