"""200 secrets planted in many shapes: none reaches a line, in either format."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import string
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from tests.logs.conftest import Log

ALPHABET = string.ascii_letters + string.digits


@dataclasses.dataclass
class Account:
    name: str
    api_key: str


class Client:
    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Client(url='https://bob:{self.token}@api.example/v1', token={self.token!r})"


def fail(log: Log, secret: str) -> None:
    try:
        raise ConnectionError(f"could not connect to postgres://shop:{secret}@db:5432/shop")
    except ConnectionError:
        log.logger.exception("failed")


def chained(log: Log, secret: str) -> None:
    try:
        try:
            raise ValueError(f"password={secret}")
        except ValueError as error:
            raise RuntimeError({"api_token": secret}) from error
    except RuntimeError as error:
        error.add_note(f"Authorization: Bearer {secret}")
        log.logger.error("failed", exc_info=True)  # noqa: G201


def extra(**fields: object) -> dict[str, object]:
    return {"extra": fields}


def basic(secret: str) -> str:
    return base64.b64encode(f"bob:{secret}".encode()).decode()


PLANTS: list[Callable[[Log, str], None]] = [
    lambda log, s: log.logger.info("login", **extra(password=s)),
    lambda log, s: log.logger.info("login", **extra(user={"name": "bob", "clientSecret": s})),
    lambda log, s: log.logger.info("login", **extra(metadata={"a": [{"b": ({"refresh_token": s},)}]})),
    lambda log, s: log.logger.info("headers", **extra(headers=[(b"Authorization", s.encode()), (b"Host", b"h")])),
    lambda log, s: log.logger.info("headers", **extra(headers={"X-Api-Key": s, "Cookie": f"sessionid={s}"})),
    lambda log, s: log.logger.info("headers %s", [("set-cookie", s)]),
    lambda log, s: log.logger.info("har", **extra(h=[{"name": "Proxy-Authorization", "value": s}])),
    lambda log, s: log.logger.info(f"user bob password={s} ok"),
    lambda log, s: log.logger.info("user bob, password: %s", s),
    lambda log, s: log.logger.info("got %s", {"user": "bob", "passwd": s}),
    lambda log, s: log.logger.info("got %r and %s", {"api-token": s}, Account("bob", s)),
    lambda log, s: log.logger.info("got %(secret)s", {"secret": s}),
    lambda log, s: log.logger.info("body %s", json.dumps({"a": 1, "cvv": s, "b": {"card_number": s}})),
    lambda log, s: log.logger.info("body %s", json.dumps(json.dumps({"a": 1, "secret_key": s}))),
    lambda log, s: log.logger.info("form %s", urlencode({"user": "bob", "new_password1": s, "z": 1})),
    lambda log, s: log.logger.info("GET /cb?code=%s&state=1&sig=%s", s, s),
    lambda log, s: log.logger.info("to /login?next=" + quote(f"/cb?access_token={s}&x=1", safe="")),  # noqa: G003
    lambda log, s: log.logger.info("dsn redis://:%s@cache:6379/0", s),
    lambda log, s: log.logger.info("dsn", **extra(url=f"amqps://shop:{s}@mq/vhost")),
    lambda log, s: log.logger.info(f"Authorization: Bearer {s}"),
    lambda log, s: log.logger.info(f"called with Basic {basic(s)}"),
    lambda log, s: log.logger.info(f"Cookie: theme=dark; sid={s}; csrftoken={s}"),
    lambda log, s: log.logger.info(f"key\n-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----"),
    lambda log, s: log.logger.info(f"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{s} end"),
    lambda log, s: log.logger.info(f"stripe sk_live_{s} slack xoxb-{s} github ghp_{s}{s}"),
    lambda log, s: log.logger.info("object %s", Client(s)),
    lambda log, s: log.logger.info("object", **extra(client=Client(s), account=Account("bob", s))),
    lambda log, s: log.logger.info(Client(s)),
    lambda log, s: log.logger.info({"event": "x", "passphrase": s}),
    lambda log, s: log.logger.info("bytes", **extra(body=f'{{"otp": "{s}"}}'.encode())),
    lambda log, s: log.logger.info("wrong %d", {"token": s}),
    lambda log, s: log.logger.info("cli: deploy --api-key %s --verbose", s),
    lambda log, s: log.logger.info("xml <login><password>%s</password></login>", s),
    lambda log, s: log.logger.info("broken", **extra(**{"password\udc80": s, "ok": "\udc80"})),
    lambda log, s: log.logger.info("x" * 16_300 + f" password={s} " + "y" * 100_000),  # noqa: G003
    lambda log, s: log.logger.info("long", **extra(a="x" * 8_180 + f" token={s} " + "y" * 100_000)),
    lambda log, s: log.logger.info("many", **extra(**{f"f{n}": f"secret={s} " + "z" * 8_000 for n in range(30)})),
    lambda log, s: log.logger.info("yaml\npassword:\n  %s\n", s),
    fail,
    chained,
]


@pytest.mark.parametrize("kind", ["json", "human"])
def test_planted_secrets_reach_no_line(kind, request):
    chosen = request.getfixturevalue("human") if kind == "human" else request.getfixturevalue("json_log")
    rng = random.Random(20261123)
    secrets: list[str] = []
    for number in range(200):
        secret = "".join(rng.choices(ALPHABET, k=rng.randint(10, 40)))
        secrets.append(secret)
        PLANTS[number % len(PLANTS)](chosen, secret)
    text = chosen.text
    assert len(text) > 20_000
    leaked = [(number % len(PLANTS), secret) for number, secret in enumerate(secrets) if secret in text]
    assert leaked == []
    assert text.count("[redacted]") >= 200


@pytest.fixture
def json_log() -> Log:
    from artisan_monitoring.logs import JsonFormatter

    return Log(JsonFormatter("test"))


def test_cards_and_keys_by_shape(json_log):
    rng = random.Random(7)
    for _ in range(50):
        digits = [rng.choice("3456")] + [rng.choice(string.digits) for _ in range(14)]
        from artisan_monitoring.core.secret_values import luhn

        number = next("".join(digits) + check for check in string.digits if luhn("".join(digits) + check))
        json_log.logger.info(
            "paid with %s", number, extra={"n": int(number), "s": f"{number[:4]} {number[4:8]}-{number[8:]}"}
        )
        assert number not in json_log.text
        assert number[8:] not in json_log.text


def test_neighbours_of_secrets_stay_readable(json_log):
    json_log.logger.info(
        "login", extra={"author": "bob", "max_tokens": 512, "monkey": "see", "url": "/a?page=2&sort=name"}
    )
    (entry,) = json_log.entries()
    assert (entry["author"], entry["max_tokens"], entry["monkey"], entry["url"]) == (
        "bob",
        512,
        "see",
        "/a?page=2&sort=name",
    )
