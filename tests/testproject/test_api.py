"""The JSON API, its deliberate bugs, and the webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from testproject.demo.visitor import Reply, Visitor

SECRET = b"development-only-payment-secret"
GOOD = {"name": "Hall", "email": "hall@customers.example", "lines": [{"product": "tideline-ring", "quantity": 2}]}


def test_products_are_listed_and_narrowed(visitor: Visitor) -> None:
    everything = visitor.get("/api/products/").json()
    assert (everything["count"], everything["pages"], len(everything["products"])) == (120, 3, 50)
    glass = visitor.get("/api/products/?craft=glass").json()
    assert {product["craft"] for product in glass["products"]} == {"glass"}
    assert glass["count"] == 20


def test_one_product(visitor: Visitor) -> None:
    product = visitor.get("/api/products/tideline-ring/").json()
    assert product["artisan"] == "Eilidh MacRae"
    assert float(product["price_now"]) <= float(product["price"])
    assert visitor.get("/api/products/nothing/").status == 404


def test_stock_comes_from_an_async_view(visitor: Visitor) -> None:
    assert visitor.get("/api/products/tideline-ring/stock/").json()["stock"] > 0
    assert visitor.get("/api/products/nothing/stock/").status == 404


def test_an_order_takes_from_stock_and_can_be_followed(visitor: Visitor) -> None:
    before = visitor.get("/api/products/tideline-ring/stock/").json()["stock"]
    placed = visitor.post_json("/api/orders/", GOOD)
    assert placed.status == 201
    assert visitor.get("/api/products/tideline-ring/stock/").json()["stock"] == before - 2
    followed = visitor.get(f"/api/orders/{placed.json()['reference']}/").json()
    assert followed == {"reference": placed.json()["reference"], "state": "placed"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        {"name": "Hall"},
        {**GOOD, "name": ""} | {"email": "none"},
        {**GOOD, "name": "\ud800"},
        {**GOOD, "name": "x" * 121},
        {**GOOD, "lines": []},
        {**GOOD, "lines": [{"product": "tideline-ring", "quantity": 0}]},
        {**GOOD, "lines": [{"product": "tideline-ring", "quantity": True}]},
        {**GOOD, "lines": [{"product": "tideline-ring", "quantity": 21}]},
        {**GOOD, "lines": [{"product": "no-such", "quantity": 1}]},
        {**GOOD, "lines": [{"product": ["tideline-ring"], "quantity": 1}]},
        {**GOOD, "lines": [{"product": "a\0b", "quantity": 1}]},
    ],
)
def test_an_order_that_cannot_be_read_is_refused(visitor: Visitor, body: object) -> None:
    reply = visitor.post_json("/api/orders/", body)
    assert reply.status == 400
    assert reply.json()["error"]


def test_savings_divide_by_the_reduction(visitor: Visitor) -> None:
    assert visitor.get("/api/promotions/hearth-and-home/savings/?goal=30").json()["spend"] == "200.00"
    for wrong in ("NaN", "inf", "-1", "1e999999", "goat", ""):
        assert visitor.get(f"/api/promotions/hearth-and-home/savings/?goal={wrong}").status == 400


def test_savings_of_a_promotion_without_reduction_fail_as_designed(visitor: Visitor) -> None:
    reply = visitor.get("/api/promotions/meet-the-makers/savings/")
    assert reply.status == 500
    assert b"Something broke." in reply.body


def send(visitor: Visitor, body: bytes, secret: bytes = SECRET, age_s: float = 0) -> Reply:
    """Send a webhook signed as Standard Webhooks 1.0 asks."""
    timestamp = str(int(time.time() - age_s))
    digest = hmac.digest(secret, b".".join((b"msg_1", timestamp.encode(), body)), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}
    return visitor.post_json("/webhooks/payment/", body, **headers)


def test_a_genuine_webhook_marks_the_order_as_paid(visitor: Visitor) -> None:
    reference = visitor.post_json("/api/orders/", GOOD).json()["reference"]
    assert send(visitor, json.dumps({"data": {"order": reference}}).encode()).status == 200
    assert visitor.get(f"/api/orders/{reference}/").json()["state"] == "paid"


@pytest.mark.parametrize(("secret", "age_s"), [(b"another", 0), (SECRET, 301), (SECRET, -301)])
def test_a_forged_or_stale_webhook_is_refused(visitor: Visitor, secret: bytes, age_s: float) -> None:
    assert send(visitor, b"{}", secret, age_s).status == 401


@pytest.mark.parametrize("timestamp", ["", "soon", "9" * 5000, "\u0663"])
def test_a_webhook_with_a_timestamp_of_garbage_is_refused(visitor: Visitor, timestamp: str) -> None:
    headers = {"webhook-timestamp": timestamp.encode().decode("latin-1"), "webhook-signature": "v1,\xe9"}
    assert visitor.post_json("/webhooks/payment/", b"{}", **headers).status == 401


def test_a_genuine_webhook_without_its_order_fails_as_designed(visitor: Visitor) -> None:
    assert send(visitor, b'{"data": {"invoice": "AP-1"}}').status == 500
