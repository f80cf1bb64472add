"""The form of a range in a real browser: reached by keyboard, sent as an address, and telling what is wrong with it."""

from __future__ import annotations

import os
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect, sync_playwright

from artisan_monitoring.core.windows import floor
from artisan_monitoring.dashboard.windows import iso_minute
from artisan_monitoring.stores import get_store

from .seed import put, requests
from .test_browser import OVERVIEW, strict  # noqa: F401  # a fixture

pytestmark = [
    pytest.mark.django_db(databases=["default", "monitoring"], transaction=True),
    pytest.mark.usefixtures("strict"),
]
PICTURES = os.environ.get("PICTURES", "")


def test_a_range_is_chosen_by_keyboard_and_kept(admin_client, live_server, chromium):
    store = get_store()
    now = floor(store.now(), 60)
    for back in range(3, 300):
        status = 500 if back % 17 == 0 else 200
        put(store, requests(now - 60 * back, *[0.02 + back / 4000] * (5 + back % 7), status=status))
    cookie = admin_client.cookies["sessionid"].value
    start, end = iso_minute(now - 7200), iso_minute(now - 3600)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{live_server.url}{OVERVIEW}?window=6h")
        page.get_by_text("Range", exact=True).focus()
        page.keyboard.press("Enter")
        page.get_by_label("From").fill(start)
        page.get_by_label("to", exact=True).fill(end)
        page.get_by_role("button", name="Show").press("Enter")
        page.wait_for_url(f"**?{urlencode({'from': start, 'to': end})}")
        expect(page.get_by_label("From")).to_have_value(start)
        expect(page.locator(".am-plot")).to_have_count(4)
        shoot(page, "range-light")
        page.get_by_role("link", name="/shop/").click()
        expect(page.get_by_label("From")).to_have_value(start)
        shoot(page, "range-route")
        page.get_by_role("link", name="6h").click()
        expect(page.get_by_role("link", name="6h")).to_have_attribute("aria-current", "true")
        page.set_viewport_size({"width": 400, "height": 800})
        page.emulate_media(color_scheme="dark")
        page.goto(f"{live_server.url}{OVERVIEW}?from={end}&to={start}")
        expect(page.get_by_role("alert").first).to_contain_text("ends before it begins")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shoot(page, "range-narrow-dark")
        page.goto(f"{live_server.url}{OVERVIEW}?from={start}&to={end}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shoot(page, "range-narrow-dark-2")
        assert [each for each in said if "404" not in each] == []  # /favicon.ico
        browser.close()


def shoot(page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")
