"""The error page in a real browser under a strict Content-Security-Policy: styled, foldable, and nothing in it runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright

from artisan_monitoring.models import ErrorGroup

from .test_errors import LIST, PAGE, PAYLOADS, charge, fresh, hostile, keep  # noqa: F401  # fresh is a fixture

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


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
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{__name__}.StrictPolicy"]):
        yield


@pytest.fixture
def errors(rf, admin_client) -> tuple[list[str], str]:
    """The paths of the list and of each group's page, and the session's cookie; made before the browser's event loop
    runs in this thread, which makes Django refuse queries.
    """
    keep(charge(17))
    for payload in PAYLOADS:
        hostile(payload, rf)
    paths = [reverse(PAGE, args=[pk]) for pk in ErrorGroup.objects.order_by("pk").values_list("pk", flat=True)]
    return [reverse(LIST), *paths], admin_client.cookies["sessionid"].value


@pytest.fixture
def open_page(strict, errors, live_server, chromium) -> Iterator[tuple[Page, list[str], list[str]]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(
            base_url=live_server.url, color_scheme="dark", permissions=["clipboard-read", "clipboard-write"]
        )
        context.add_cookies([{"name": "sessionid", "value": errors[1], "url": live_server.url}])
        page, complaints = context.new_page(), []
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, errors[0], complaints
        browser.close()


def test_nothing_runs_and_the_policy_is_not_broken(open_page):
    page, paths, complaints = open_page
    for path in paths:
        page.goto(path)
        assert "owned" not in page.evaluate("document.title.replace(/document.title='owned'/g, '')")
        for foreign in ("script:not([src])", "iframe", "img:not([src^='/static/'])", "svg[onload]"):
            assert page.locator(f"#content {foreign}").count() == 0
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def test_page_is_styled_and_its_frames_fold(open_page):
    page, paths, _ = open_page
    page.goto(paths[1])
    hit = page.locator(".am-line.am-hit").first
    assert hit.is_visible()
    assert page.evaluate("e => getComputedStyle(e).backgroundColor", hit.element_handle()) != "rgba(0, 0, 0, 0)"
    assert page.locator(".am-hours").bounding_box()["height"] == 102
    page.locator(".am-own > summary").first.click()
    assert not hit.is_visible()


@pytest.mark.parametrize("width", [400, 1360])
def test_nothing_is_wider_than_the_screen(open_page, width):
    page, paths, _ = open_page
    page.set_viewport_size({"width": width, "height": 900})
    for path in (paths[0], paths[0] + "?state=all", *paths[1:4]):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_menus_work_by_keyboard(open_page):
    page, paths, _ = open_page
    page.goto(paths[1])
    page.locator(".am-menu > summary", has_text="Resolve").focus()
    page.keyboard.press("Enter")
    form = page.locator(".am-menu[open] > form")
    assert form.is_visible()
    page.keyboard.press("Escape")
    assert not form.is_visible()
    assert page.evaluate("document.activeElement.textContent") == "Resolve"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.locator(".am-menu[open] textarea").fill("because <b>")
    page.locator(".am-menu[open] button").click()
    page.wait_for_url("**/change/")
    assert page.locator(".messagelist", has_text="1 error resolved").is_visible()
    assert page.locator(".am-said", has_text="because <b>").is_visible()


def test_markdown_is_copied(open_page):
    page, paths, complaints = open_page
    page.goto(paths[1])
    page.locator(".am-copy").click()
    page.locator(".am-copied", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("# `ConnectionError`")
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def test_whatever_is_shown_has_a_name_for_a_screen_reader(open_page):
    page, paths, _ = open_page
    for path in (paths[0], paths[1]):
        page.goto(path)
        unnamed = """['input:not([type=hidden])', 'select', 'textarea']
            .flatMap(kind => [...document.querySelectorAll('#content ' + kind)])
            .filter(e => !e.labels?.length && !e.getAttribute('aria-label') && !e.title).map(e => e.outerHTML)"""
        assert page.evaluate(unnamed) == []
        assert page.locator("#content svg:not([role=img]):not([aria-hidden=true]):not(svg svg)").count() == 0
        levels = page.eval_on_selector_all(
            "#content h1, #content h2, #content h3", "all => all.map(e => +e.tagName[1])"
        )
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
