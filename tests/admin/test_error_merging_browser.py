"""Merging, splitting and undoing in a real browser under a strict policy, with hostile text on every page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from .test_errors import LIST, PAYLOADS, fresh, keep  # noqa: F401  # fresh is a fixture
from .test_errors_browser import open_page, strict  # noqa: F401  # fixtures

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

REGROUP = "admin:artisan_monitoring_errorgroup_regroup"


@pytest.fixture
def errors(admin_client) -> tuple[list[str], str]:
    """The paths of the list and of the page that tries rules, and the session's cookie (see `test_errors_browser`)."""
    for number, payload in enumerate(PAYLOADS):
        keep(ValueError(payload), fingerprint=[payload, str(number)])
    return [reverse(LIST), reverse(REGROUP)], admin_client.cookies["sessionid"].value


def test_groups_are_merged_split_and_come_back_and_nothing_runs(open_page):  # noqa: F811
    page, (listed, regroup), complaints = open_page
    page.goto(listed)
    for box in page.locator("input.action-select").all():
        box.check()
    page.select_option("select[name=action]", "merge_selected")
    page.click("button[name=index]")

    page.fill("textarea[name=comment]", PAYLOADS[0])
    page.click("button:has-text('Merge')")
    assert page.locator(".am-fingerprints > li").count() == len(PAYLOADS)

    page.locator("input[name=fingerprints]").first.check()
    page.click("button:has-text('Split off')")
    assert page.locator(".am-fingerprints > li").count() == len(PAYLOADS) - 1

    for _ in range(2):  # the split, then the merge
        page.locator(".am-undo summary").first.focus()
        page.keyboard.press("Enter")
        page.locator(".am-undo[open] button").click()
    assert page.locator(".am-fingerprints > li").count() == 1

    page.goto(listed)
    assert page.locator("input.action-select").count() == len(PAYLOADS)

    page.goto(f"{regroup}?exclude=tests")
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert "owned" not in page.evaluate("document.title.replace(/document.title='owned'/g, '')")
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
