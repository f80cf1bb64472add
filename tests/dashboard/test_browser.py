"""The pages in a real browser under a strict policy: nothing hostile runs, nothing is refused, and it renews itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from artisan_monitoring.dashboard import traffic
from artisan_monitoring.dashboard.hosts import CPU
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.deploys.marks import mark
from artisan_monitoring.models import UserActivity
from artisan_monitoring.stores import get_store

from .seed import counted, put, requests
from .test_celery_tasks import ran
from .test_hosts import say
from .test_overview import error, fire, snapshot

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
OVERVIEW = "/admin/artisan_monitoring/overview/"
PAYLOADS = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "'><svg/onload=document.title='owned'>",
    "</title></text></svg><script>document.title='owned'</script>",
    "</table></dl><iframe srcdoc=\"<script>parent.document.title='owned'</script>\">",
    "javascript:document.title='owned'",
    "{{ 7|add:7 }}{% now 'Y' %}&#x3c;b&#x3e;",
)
ROUTE = f"{OVERVIEW}route/?{urlencode({'route': PAYLOADS[0]})}"
PAGES = (
    *(f"{OVERVIEW}?window={key}" for key in SPANS),
    ROUTE,
    f"{OVERVIEW}?sort=p95",
    f"{OVERVIEW}route/?route=%2Fnowhere%2F",
    "/admin/artisan_monitoring/metrics/",
    *(
        f"/admin/artisan_monitoring/metrics/metric/?{urlencode({'name': PAYLOADS[1], key: value})}"
        for key, value in (("by", "tag"), ("where", f"tag={PAYLOADS[1]}"), ("by", PAYLOADS[2]))
    ),
    "/admin/artisan_monitoring/jobs/",
    "/admin/artisan_monitoring/",
)


class StrictPolicy:
    """Sends the policy that the pages promise to live with."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response


@pytest.fixture
def strict() -> Iterator[None]:
    traffic.forget()
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{__name__}.StrictPolicy"]):
        yield


@pytest.fixture
def session(admin_client) -> str:
    """The session's cookie, and a store full of hostile text; made before the browser's event loop runs in this
    thread, which makes Django refuse queries.
    """
    store = get_store()
    now = store.now()
    for payload in PAYLOADS:
        put(store, *(requests(now - 60 * back, 0.02, 0.3, route=payload, status=500 if back == 9 else 200)
                     for back in range(4, 20)),
            counted(now - 120, 1, name=payload, tag=payload))  # fmt: skip
        error(type=payload, message=payload)
        fire(name=payload)
        store.set_note("process", payload, {"host": payload, "pid": payload, "dropped": {payload: 1}}, 600)
        store.set_note("worker", payload, {"hostname": payload, "pool": payload, "queues": [payload]}, 600)
        put(store, ran(now - 300, 0.1, task=payload))
        say(store, CPU, 0.5, host=payload)
        mark(payload, at=timezone.now() - timedelta(minutes=15), note=payload)
        UserActivity.objects.create(
            user_pk=payload[:64], user_label=payload, day=timezone.now().date(), requests=1, first_seen=timezone.now(),
            last_seen=timezone.now(),
        )  # fmt: skip
    snapshot(store, "warn", output=" ".join(PAYLOADS))
    store.add_losses(dict.fromkeys(PAYLOADS, 1))
    return admin_client.cookies["sessionid"].value


@pytest.fixture
def browse(strict, session, live_server, chromium):
    """A function that opens a page of the browser with given properties; what it complains of is in `complaints`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def opened(path: str = OVERVIEW, **properties) -> Page:
            context: BrowserContext = browser.new_context(base_url=live_server.url, **properties)
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            page = context.new_page()
            page.complaints = []
            page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
            page.on("console", lambda message: page.complaints.append(message.text))
            page.on("pageerror", lambda fault: page.complaints.append(str(fault)))
            page.goto(path)
            return page

        yield opened
        browser.close()


def renew(page: Page) -> None:
    """Let ten seconds of the page's own clock pass, and wait for what it asks for then."""
    stamp = page.locator(".am-stamp").element_handle()
    page.clock.run_for(11_000)
    page.wait_for_function("stamp => !stamp.isConnected", arg=stamp)


def colour(page: Page, selector: str, what: str) -> str:
    return page.locator(selector).first.evaluate(f"element => getComputedStyle(element).{what}")


def test_nothing_runs_and_the_policy_is_not_broken(browse):
    page = browse()
    for path in PAGES:
        page.goto(path)
        page.mouse.move(700, 300)
        assert page.title() != "owned"
        for foreign in ("script:not([src])", "iframe", "img", "svg[onload]", "[style]", "a[href^='javascript']"):
            assert page.locator(f"#content {foreign}").count() == 0, (path, foreign)
    page.clock.install()
    page.goto(OVERVIEW)
    page.evaluate("window.kept = true")
    renew(page)
    assert page.evaluate("window.kept")
    assert page.title() != "owned"
    assert [text for text in page.complaints if "404" not in text] == []  # /favicon.ico


def test_hostile_text_is_readable(browse):
    page = browse()
    for payload in PAYLOADS:
        assert page.get_by_text(payload).count() >= 1


def test_times_are_the_readers_and_the_pointer_reads_them(browse):
    page = browse(timezone_id="Asia/Kolkata")
    mark = page.locator(".am-time").last
    moment = int(mark.get_attribute("data-at"))
    assert mark.text_content() == page.evaluate(
        "at => new Date(at * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})",
        moment,
    )
    slot = page.locator(".am-figure").nth(2).locator(".am-slot").last
    slot.hover()
    readout = page.locator(".am-figure").nth(2).locator(".am-readout")
    expect(readout).to_contain_text(re.compile(r"\d\d:\d\d · p99 .+ · p95 .+ · p50 .+"))
    page.mouse.move(5, 5)
    expect(readout).to_have_text("")
    page.locator("summary").first.click()
    expect(page.locator(".am-zone").first).to_contain_text("Asia/")


def test_without_scripts_it_is_whole(browse):
    page = browse(java_script_enabled=False)
    assert page.locator(".am-plot").count() == 4
    assert page.locator(".am-tile").count() == 8
    assert page.locator(".am-live").text_content().strip().endswith("UTC")
    page.get_by_role("link", name="7d").click()
    assert page.url.endswith("?window=7d")


def test_lines_are_drawn_in_colour(browse):
    page = browse()
    assert page.locator(".am-plot").first.bounding_box()["height"] == 170
    for at in range(3):
        path = page.locator(".am-lines").nth(at).locator(".am-line-of").first
        assert path.evaluate("element => getComputedStyle(element).stroke") not in ("none", "rgb(0, 0, 0)")
        assert path.bounding_box()["width"] > 20


@pytest.mark.parametrize("how", ["system", "toggle"])
def test_follows_both_ways_to_the_dark(browse, how):
    page = browse(color_scheme="dark" if how == "system" else "light")
    if how == "toggle":
        light = colour(page, ".am-line-of", "stroke")
        while page.evaluate("document.documentElement.dataset.theme") != "dark":
            page.locator("#header .theme-toggle").click()
        assert colour(page, ".am-line-of", "stroke") != light
    assert colour(page, "body", "backgroundColor") == "rgb(18, 18, 18)"
    assert colour(page, ".am-line-of", "stroke") == "rgb(111, 179, 224)"
    assert colour(page, ".am-tile .am-value", "color") == "rgb(238, 238, 238)"
    if how == "system":
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert colour(page, ".am-line-of", "stroke") == "rgb(47, 111, 159)"


def test_narrow_screens_do_not_scroll_sideways(browse):
    page = browse(viewport={"width": 400, "height": 800})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 400, path


@pytest.mark.parametrize("path", [OVERVIEW, ROUTE])
def test_renews_itself_and_keeps_what_is_unfolded(browse, path):
    page = browse(path)
    page.clock.install()
    page.reload()
    page.locator("summary").first.click()
    expect(page.locator("#am-live-text")).to_contain_text("Live")
    renew(page)
    assert page.locator("details").first.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize("path", [OVERVIEW, ROUTE])
def test_hidden_tab_asks_for_nothing(browse, path):
    page = browse(path)
    page.clock.install()
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.clock.run_for(60_000)
    assert asked == []
    expect(page.locator("#am-live-text")).to_have_text("Paused")
    with page.expect_response(lambda answer: "fragment=1" in answer.url):
        page.evaluate("""() => {
            Object.defineProperty(document, "hidden", {configurable: true, get: () => false});
            document.dispatchEvent(new Event("visibilitychange"));
        }""")


def test_says_when_the_session_is_over_or_the_site_is_away(browse):
    page = browse()
    page.clock.install()
    page.reload()
    page.route("**/*fragment=1*", lambda route: route.abort())
    page.clock.run_for(11_000)
    expect(page.locator("#am-live-text")).to_have_text("No answer: trying again")
    page.unroute("**/*fragment=1*")
    page.complaints.clear()
    page.context.clear_cookies()
    page.clock.run_for(11_000)
    expect(page.locator("#am-live-text")).to_have_text("Logged out: reload the page")
    assert page.locator(".am-plot").count() == 4


@pytest.mark.parametrize("path", [OVERVIEW, ROUTE])
def test_new_requests_appear_without_a_reload(browse, path):
    page = browse(path)
    page.clock.install()
    page.reload()
    page.evaluate("window.kept = true")
    before = page.locator(".am-tile .am-value").first.inner_text()
    fresh = page.request.get(f"{path}{'&' if '?' in path else '?'}fragment=1").text()
    assert before in fresh
    page.route("**/*fragment=1*", lambda route: route.fulfill(body=fresh.replace(f">{before}", ">4,321", 1)))
    renew(page)
    assert page.locator(".am-tile .am-value").first.inner_text().startswith("4,321")
    assert page.evaluate("window.kept")


def test_routes_are_sorted_from_the_keyboard_and_stay_so(browse):
    page = browse()
    page.clock.install()
    page.reload()
    head = page.locator(".am-sorted thead")
    expect(head.locator("[aria-sort]")).to_have_text("Share of time")
    head.get_by_role("link", name="Share of time").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=p95**")
    expect(head.locator("[aria-sort='descending']")).to_have_text("p95")
    renew(page)
    expect(head.locator("[aria-sort='descending']")).to_have_text("p95")
    page.get_by_role("link", name="6h").click()
    page.wait_for_url("**window=6h**")
    assert "sort=p95" in page.url


def test_flag_of_a_deploy_is_read_out_in_the_readers_time(browse):
    page = browse(timezone_id="Asia/Kolkata")
    figure = page.locator(".am-figure").first
    grip = figure.locator(".am-deploy").last
    moment = int(grip.get_attribute("data-at"))
    grip.locator(".am-grip").hover()
    shown = page.evaluate(
        "at => new Date(at * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})",
        moment,
    )
    expect(figure.locator(".am-readout")).to_contain_text(f"{shown} · deploy of ")


def test_table_that_is_too_wide_can_be_scrolled_from_the_keyboard(browse):
    page = browse("/admin/artisan_monitoring/jobs/", viewport={"width": 400, "height": 800})
    scroller = page.locator(".am-scroll")
    expect(scroller).to_have_attribute("tabindex", "0")
    scroller.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.am-scroll').scrollLeft > 0")
    page.set_viewport_size({"width": 1600, "height": 800})
    expect(scroller).not_to_have_attribute("tabindex", "0")


def test_heat_map_is_drawn_in_the_colours_of_the_theme(browse):
    def fills(page: Page) -> list[str]:
        return page.locator(".am-cells path").evaluate_all("paths => paths.map(path => getComputedStyle(path).fill)")

    light, dark = fills(browse(color_scheme="light")), fills(browse(color_scheme="dark"))
    assert light
    assert not {"none", "rgb(0, 0, 0)"} & {*light, *dark}
    assert set(light).isdisjoint(dark)
