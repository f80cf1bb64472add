"""The shop's pages, as a browser gets them."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable

import pytest

from testproject.demo.visitor import Visitor
from tests.testproject.conftest import PASSWORD, Demo

PAGES = (
    "/",
    "/products/",
    "/products/?craft=glass&q=e&page=2",
    "/products/ash-glazed-teapot/",
    "/artisans/",
    "/artisans/ines-carvalho/",
    "/promotions/",
    "/promotions/hearth-and-home/",
    "/cart/",
    "/login/",
    "/care-guide/",
)
SEEN_IN_A_BROWSER = (
    "/reports/sales/",
    "/artisans/",
    "/promotions/",
    "/products/ash-glazed-teapot/",
    "/admin/",
    "/admin/shop/order/",
    "/admin/artisan_monitoring/alert/",
    "/admin/artisan_monitoring/errorgroup/",
)
TEAPOT = "ash-glazed-teapot"


@pytest.mark.parametrize("path", PAGES)
def test_page_is_there(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status == 200


@pytest.mark.parametrize("path", ["/", "/products/ash-glazed-teapot/", "/artisans/", "/nowhere/", "/login/"])
def test_page_has_nothing_inline_and_nothing_from_elsewhere(visitor: Visitor, path: str) -> None:
    page = visitor.get(path).body.decode()
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", page)


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/admin/login/", "/api/products/", "/health/"])
def test_every_answer_carries_the_policy(shop: Demo, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy


def test_picture_of_a_product_is_the_same_on_every_page(visitor: Visitor) -> None:
    pattern = re.compile(rb'<svg class="art"[^>]*aria-label="Ash-Glazed Teapot".*?</svg>')
    on_list = pattern.search(visitor.get("/products/?q=teapot").body)
    on_page = pattern.search(visitor.get(f"/products/{TEAPOT}/").body)
    assert on_list
    assert on_page
    assert on_list.group() == on_page.group()


def test_no_two_products_look_alike(visitor: Visitor) -> None:
    pictures = set()
    for page in range(1, 6):
        found = re.findall(rb'<svg class="art".*?>(.*?)</svg>', visitor.get(f"/products/?page={page}").body)
        assert len(found) == 24
        pictures.update(found)
    assert len(pictures) == 120


def test_search_finds_by_name_and_survives_anything(visitor: Visitor) -> None:
    assert b"1 piece for" in visitor.get("/products/?q=teapot").body
    hostile = visitor.get("/products/?q=%3Cscript%3Ealert(1)%3C/script%3E%00&page=x&craft=%FF")
    assert hostile.status == 200
    assert b"<script>" not in hostile.body


def test_cart_checkout_order_and_invoice(visitor: Visitor, new_visitor: Callable[[], Visitor]) -> None:
    visitor.get(f"/products/{TEAPOT}/")
    cart = visitor.post("/cart/add/", product=TEAPOT)
    assert b"Ash-Glazed Teapot is in your cart." in cart.body
    visitor.get("/checkout/")
    refused = visitor.post("/checkout/", name="Ada", email="no address")
    assert refused.status == 400
    placed = visitor.post("/checkout/", name="Ada Lindqvist", email="ada@customers.example")
    assert b"Thank you, Ada Lindqvist" in placed.body
    reference = re.search(rb"AP-[0-9A-F]{15}", placed.body).group().decode()
    assert b"Ash-Glazed Teapot" in visitor.get(f"/orders/{reference}/invoice/").body
    assert b"Nothing in here yet" in visitor.get("/cart/").body
    assert new_visitor().get(f"/orders/{reference}/").status == 404


def test_taking_out_of_the_cart(visitor: Visitor) -> None:
    visitor.get(f"/products/{TEAPOT}/")
    visitor.post("/cart/add/", product=TEAPOT)
    assert b"Nothing in here yet" in visitor.post("/cart/add/", product=TEAPOT, quantity="0").body


def test_checkout_without_goods_leads_to_the_cart(visitor: Visitor) -> None:
    assert visitor.get("/checkout/").location == "/cart/"


def test_confirmation_goes_to_the_mailbox_file(visitor: Visitor, shop: Demo) -> None:
    visitor.get(f"/products/{TEAPOT}/")
    visitor.post("/cart/add/", product=TEAPOT)
    placed = visitor.post("/checkout/", name="Mail Reader", email="reader@customers.example")
    assert placed.status == 200
    mailbox = (shop.directory / "mailbox.txt").read_text()
    assert "To: reader@customers.example" in mailbox


def test_log_in_account_and_log_out(visitor: Visitor) -> None:
    assert visitor.get("/account/").location == "/login/?next=/account/"
    visitor.get("/login/")
    assert visitor.post("/login/", username="ada", password="wrong").status == 200
    account = visitor.post("/login/", username="ada", password=PASSWORD)
    assert b"Your orders" in account.body
    assert visitor.get("/reports/sales/").status == 403
    visitor.post("/logout/")
    assert visitor.get("/account/").status == 302


def test_sales_report_is_for_the_staff(visitor: Visitor) -> None:
    visitor.get("/login/")
    visitor.post("/login/", username="admin", password=PASSWORD)
    report = visitor.get("/reports/sales/")
    assert report.status == 200
    assert report.body.count(b"<rect ") >= 20


def test_admin_opens(visitor: Visitor) -> None:
    visitor.get("/login/")
    visitor.post("/login/", username="admin", password=PASSWORD)
    for path in ("/admin/", "/admin/shop/order/", "/admin/shop/product/", "/admin/shop/promotion/1/change/"):
        assert visitor.get(path).status == 200, path


def test_static_files_are_served(visitor: Visitor) -> None:
    assert b"prefers-color-scheme: dark" in visitor.get("/static/shop/shop.css").body
    assert visitor.get("/static/admin/css/base.css").status == 200


def test_csv_export_streams_all_products(visitor: Visitor) -> None:
    lines = visitor.get("/api/products/export.csv").body.decode().splitlines()
    assert lines[0].startswith("shelf,slug,name")
    assert len(lines) == 1 + 40 * 120


def test_hanging_up_in_the_stream_harms_nobody(visitor: Visitor) -> None:
    visitor.hang_up("/api/products/export.csv")
    assert visitor.get("/").status == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_browser_finds_nothing_against_the_policy(shop: Demo, chromium: str, scheme: str) -> None:
    """A browser that applies the policy and finds an offence says so on its console; in the admin too."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    base = f"http://127.0.0.1:{shop.port}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(color_scheme=scheme)
        page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.goto(f"{base}/")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        pictures = page.locator("svg.art").count()
        page.goto(f"{base}/login/")
        page.fill("#id_username", "admin")
        page.fill("#id_password", PASSWORD)
        page.click("main button")
        for path in SEEN_IN_A_BROWSER:
            assert page.goto(base + path).status == 200, path
        browser.close()
    assert complaints == []
    assert pictures >= 11
    assert background == {"light": "rgb(250, 246, 240)", "dark": "rgb(23, 19, 16)"}[scheme]
