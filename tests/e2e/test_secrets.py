"""Two hundred secrets in real requests, in every place a project puts them: none comes out anywhere."""

from __future__ import annotations

import base64
import html
import json
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import pytest

from testproject.demo.pace import Pace
from testproject.demo.visitor import Tally, Visitor
from tests.e2e.planted import secret
from tests.e2e.servers import TOKEN, Site
from tests.services import RedisServer
from tests.testproject.conftest import PASSWORD

ROUNDS = 8
OUTCOMES = ("failed", "handled", "query", "fine")
IN_THE_VIEW = (
    "local_password", "local_token", "local_pair", "local_dict", "local_attribute", "url", "log_field", "log_metadata",
    "log_text", "log_argument", "metric_metadata", "sql",
)  # fmt: skip
BY_OUTCOME = {"failed": ("message_url", "message_pair"), "handled": ("context",), "query": ("sql_failed",), "fine": ()}
IN_THE_REQUEST = (
    "header", "bearer", "cookie", "session", "query", "signature", "referer", "form", "json", "nested", "basic",
)  # fmt: skip
MAIL = {"ALERTS": {"EMAIL_TO": ["ops@shop.example"], "BASE_URL": "https://shop.example"}}


def send(site: Site, number: int, outcome: str) -> int:
    """Send a request with secrets in every part that has a place for one; return the status."""

    def made(kind: str) -> str:
        return secret(kind, number)

    bearer, basic = f"Bearer {made('bearer')}", base64.b64encode(f"bob:{made('basic')}".encode()).decode()
    headers = {
        "X-Api-Key": made("header"),
        "Authorization": bearer if number % 2 else f"Basic {basic}",
        "Cookie": f"theme=dark; auth_token={made('cookie')}; sessionid={made('session')}",
        "Referer": f"https://bob:{made('referer')}@shop.example/?password={made('referer')}",
    }
    form = {"user": "bob", "new_password1": made("form"), "n": "1"}
    content = {"name": "bob", "client_secret": made("json"), "list": [{"otp": made("nested")}]}
    body = urlencode(form).encode() if number % 2 else json.dumps(content).encode()
    headers["Content-Type"] = "application/x-www-form-urlencoded" if number % 2 else "application/json"
    query = urlencode({"n": number, "access_token": made("query"), "sig": made("signature")})
    return site.send("POST", f"/bad/secrets/{outcome}/?{query}", body, headers).status


def planted() -> dict[str, str]:
    """Return every secret with where it was planted."""
    found = {}
    for number, outcome in zip(range(ROUNDS), cycle(OUTCOMES), strict=False):
        for kind in (*IN_THE_VIEW, *BY_OUTCOME[outcome], *IN_THE_REQUEST):
            found[f"{kind} {number}"] = secret(kind, number)
        found[f"basic, encoded {number}"] = base64.b64encode(f"bob:{secret('basic', number)}".encode()).decode()
    found |= {f"setting {name}": secret(name, 0) for name in ("SECRET_KEY", "webhook", "redis")}
    return found | {"password of the log-in form": PASSWORD, "health token": TOKEN}


def leaks(places: Iterator[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Return the secrets that are found, each with its origin and the place it came out."""
    wanted = planted()
    assert len(wanted) > 200
    looked_at = 0
    found = []
    for place, content in places:
        for each in (content, *inflated(content)):
            looked_at += len(each)
            found += [(origin, place) for origin, value in wanted.items() if value.encode() in each]
    assert looked_at > 50_000, "this cannot be all there is"
    return sorted(set(found))


def inflated(content: bytes) -> Iterator[bytes]:
    """Yield whatever is compressed in some bytes, wherever it begins."""
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[match.start() :])
        except zlib.error:
            continue


def rows(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every table of the monitoring database, and the file as it is."""
    path = site.directory / "monitoring.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "artisan_monitoring_errorevent" in tables
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                for value in row:
                    yield f"table {table}", value if isinstance(value, bytes) else str(value).encode()
    for file in site.directory.glob("monitoring.sqlite3*"):
        yield f"file {file.name}", file.read_bytes()


def keys(redis: RedisServer) -> Iterator[tuple[str, bytes]]:
    """Yield every key of the store's Redis with its value, as Redis itself would dump it, and as text."""
    with redis.client(db=2, password=secret("redis", 0)) as client:
        for key in client.scan_iter(count=1000):
            kind = client.type(key)
            reading = {
                b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],  # noqa: B023
                b"stream": lambda: [part for _, entry in client.xrange(key) for part in entry.values()],  # noqa: B023
                b"set": lambda: list(client.smembers(key)),  # noqa: B023
                b"zset": lambda: client.zrange(key, 0, -1),  # noqa: B023
                b"string": lambda: [client.get(key)],  # noqa: B023
            }
            yield f"key {key!r}", key
            for value in reading[kind]():
                yield f"key {key!r}", value


def files(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield the log and the mails."""
    yield "log", site.log.read_bytes()
    yield "mail", (site.directory / "mailbox.txt").read_bytes()


def pages(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield what we answer: health to everybody and to those with rights, every page of the admin that is linked."""
    for path in ("", "liveness", "readiness", "startup", "detailed", "metrics"):
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            reply = site.get(f"/health/{path}", **headers)
            yield f"/health/{path}", repr(reply.headers).encode() + reply.body
    with closing(Visitor(site.port, Pace(10_000), Tally(), Random(1))) as visitor:
        visitor.get("/login/")
        visitor.post("/login/", username="admin", password=PASSWORD)
        yield from linked(visitor, "/admin/artisan_monitoring/")


def linked(visitor: Visitor, start: str) -> Iterator[tuple[str, bytes]]:
    """Yield every page below an address, two of those that differ by their query alone."""
    waiting, seen = [start], Counter({start: 1})
    while waiting:
        address = waiting.pop()
        reply = visitor.get(address)
        assert reply.status in (200, 302), address
        yield address, reply.body
        for link in re.findall(r'href="(/admin/artisan_monitoring/[^"#]*)"', reply.body.decode()):
            target = html.unescape(link)
            path = target.partition("?")[0]
            if seen[path] < (2 if "?" in target else 1):
                seen[path] += 1
                waiting.append(target)
    assert any(re.search(r"errorgroup/\d+/", path) for path in seen)
    assert len(seen) > 15, seen


@pytest.mark.parametrize("store", ["database", "redis"])
def test_no_secret_comes_out(new_site: Callable[..., Site], new_redis: Callable[..., RedisServer], store: str) -> None:
    more = {"ENVIRONMENT": "staging", "E2E_SECRET_KEY": secret("SECRET_KEY", 0), "LOG_LEVEL": "DEBUG"}
    more["PAYMENT_WEBHOOK_SECRET"] = secret("webhook", 0)
    redis = None
    if store == "redis":
        redis = new_redis()
        with redis.client() as client:
            client.config_set("requirepass", secret("redis", 0))
        more["REDIS_URL"] = f"redis://:{secret('redis', 0)}@127.0.0.1:{redis.port}/0"
    site = new_site({"FLUSH_INTERVAL_S": 0.3, "HOUSEKEEPING": "off", **MAIL}, **more)
    with site.gunicorn():
        rounds = zip(range(ROUNDS), cycle(OUTCOMES), strict=False)
        answered = [send(site, number, outcome) for number, outcome in rounds]
        assert answered == [500, 200, 500, 200] * (ROUNDS // 4)
    # First what waits in the inbox, then what becomes of it.
    assert leaks(stored(site, redis)) == []
    ran = site.manage("monitoring_run", "--once")
    assert ran.returncode == 0, ran.stderr
    assert not leaks(iter([("output", (ran.stdout + ran.stderr).encode() + b" " * 50_000)]))
    with site.gunicorn():
        assert leaks(pages(site)) == []
    assert leaks(stored(site, redis)) == []
    assert leaks(files(site)) == []


def stored(site: Site, redis: RedisServer | None) -> Iterator[tuple[str, bytes]]:
    """Yield all that is stored anywhere."""
    yield from rows(site)
    if redis is not None:
        yield from keys(redis)


def test_the_search_itself_finds_what_is_there(tmp_path: Path) -> None:
    value = secret("form", 3).encode()
    hidden = b"\x00\x01" + zlib.compress(b"x" * 100 + value, 1) + b"end"
    assert leaks(iter([("a", hidden), ("b", b" " * 50_000)])) == [("form 3", "a")]
