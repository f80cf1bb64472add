"""Bytes no browser would send, over a raw socket: the site answers as without this app, and everything is recorded."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from random import Random

import pytest

from tests.e2e.servers import Site

QUICK = {"FLUSH_INTERVAL_S": 0.3}
MEGABYTE = 1_000_000
PATIENCE_S = 10.0

SERVERS = {
    "gunicorn": ("--limit-request-line", "0", "--limit-request-field_size", "0"),
    "uvicorn": ("--http", "h11", "--h11-max-incomplete-event-size", "3000000"),
}
VARIES = re.compile(
    rb"^(date|expires|x-request-id):[^\r\n]*\r\n|csrftoken=\w+"
    rb'|(csrfmiddlewaretoken" value=")\w+|(nonce-|nonce=")[\w+/=-]+',
    re.MULTILINE | re.IGNORECASE,
)
REQUEST_ID = re.compile(rb"^x-request-id: ([^\r\n]*)\r\n", re.MULTILINE | re.IGNORECASE)


def request(line: bytes = b"GET /bad/echo/", *headers: bytes, body: bytes = b"") -> bytes:
    """Return the bytes of a request; a body brings its length along."""
    own = [b"Host: 127.0.0.1", b"Connection: close"]
    if body:
        own.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((line + b" HTTP/1.1", *own, *headers, b"", body))


def post(content_type: bytes, body: bytes) -> bytes:
    return request(b"POST /bad/echo/", b"Content-Type: " + content_type, body=body)


ODD = [
    request(b"GET /\xff\xfe\x80/"),
    request(b"GET /bad/echo/%00%ff%fe%0d%0aX:1/"),
    request(b"GET /bad/echo/?%00=%ff&\xff=\xfe&&=&a[]=%"),
    request(b"GET " + b"/" * 3000),
    request(b"GET /bad/echo/?" + b"a=b&" * 3000),
    request(b"GET /products/..%2f..%2f%00/"),
    request(b"BREW /bad/plain/"),
    request(b"get /bad/plain/"),
    request(b"OPTIONS *"),
    request(b"GET http://[::1/bad/plain/"),
    request(b"GET /bad/plain/", b"X-Request-ID: " + b"a" * 10_000),
    request(b"GET /bad/plain/", b"X-Request-ID: \x1b[31mred\xff"),
    request(b"GET /bad/plain/", b"X-Request-ID: one\r\n two"),
    request(b"GET /bad/plain/", b"X-Request-ID: one", b"X-Request-ID: two"),
    request(b"GET /bad/plain/", b"X-Forwarded-For: ,,, ,"),
    request(b"GET /bad/plain/", b"X-Forwarded-For: 999.1.1.1, \xff\xfe, unknown, _hidden, [::1"),
    request(b"GET /bad/plain/", b"X-Forwarded-For: " + b"1.2.3.4, " * 20_000),
    request(b"GET /bad/plain/", b"X-Forwarded-For: ::ffff:1.2.3.4%eth0:99999"),
    request(b"GET /bad/plain/", b"Traceparent: 00-" + b"0" * 32 + b"-" + b"f" * 16 + b"-zz"),
    request(b"GET /bad/plain/", b"Traceparent: " + b"\xff" * 5000),
    request(b"GET /bad/plain/", b"User-Agent: \x80\x81 ${jndi:ldap://x} <script>\xff"),
    request(b"GET /bad/plain/", b"Cookie: sessionid=\xff\xfe; csrftoken=; =; ;;" + b"c=d;" * 2000),
    request(b"GET /account/", b"Cookie: sessionid=" + b"a" * 5000),
    request(b"GET /bad/plain/", b"Authorization: Bearer \xff\xfe"),
    request(b"GET /bad/plain/", b"X-Large: " + b"x" * MEGABYTE),
    request(b"GET /bad/plain/", b"User-Agent: " + b"y" * MEGABYTE, b"Referer: " + b"z" * MEGABYTE),
    request(b"GET /bad/plain/", b"Host: evil\xff.example"),
    request(b"GET /bad/plain/", b"Range: bytes=-"),
    request(b"POST /bad/echo/", b"Content-Length: -5"),
    request(b"POST /bad/echo/", b"Content-Length: x"),
    request(b"POST /bad/echo/", b"Transfer-Encoding: chunked") + b"zz\r\nbody\r\n0\r\n\r\n",
    request(b"POST /bad/echo/", b"Transfer-Encoding: chunked", b"Content-Type: text/plain")
    + b"4\r\n\x00\xff\r\n\r\n0\r\n\r\n",
    post(b"application/json", b"\x00\xff{[" * 100),
    post(b"application/json", b"[" * 50_000),
    post(b"application/x-www-form-urlencoded", b"a=%ff&%00=b&=&&%zz" * 50),
    post(b"application/x-www-form-urlencoded; charset=utf-7", b"a=+AGEA"),
    post(b"application/x-www-form-urlencoded; charset=\xff", b"a=b"),
    post(b"multipart/form-data", b"no boundary"),
    post(
        b"multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\x00\xff\r\n--x--',
    ),
    post(b"\xff/\xfe", bytes(range(256))),
    b"GET /\r\n\r\n",
]
UNFINISHED = [b"\x16\x03\x01\x02\x00\x01\x00"]
"""The server waits for the rest."""

BELIEVED = [b"X-Request-ID", b"X-Forwarded-For", b"Traceparent"]
RAISING = ("broken", "endless", "querying", "locals", "bytes", "long", "query", "deep", "cycle")


def arbitrary(count: int) -> list[bytes]:
    """Return requests with random bytes in path, query, a header or the body."""
    dice = Random(20261123)
    # Both servers refuse control characters by themselves; the odd ones above try those.
    safe = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))

    def some(most: int, letters: bytes = safe) -> bytes:
        return bytes(dice.choices(letters, k=dice.randrange(1, most)))

    path = bytes(set(safe) - set(b" ?#"))
    shapes: list[Callable[[], bytes]] = [
        lambda: request(b"GET /" + some(60, path)),
        lambda: request(b"GET /bad/echo/?" + some(200, path)),
        lambda: request(b"GET /bad/plain/", b"X-Odd: " + some(300)),
        lambda: request(b"GET /bad/plain/", dice.choice(BELIEVED) + b": " + some(60)),
        lambda: post(b"application/octet-stream", some(2000, bytes(range(256)))),
    ]
    return [shapes[number % len(shapes)]() for number in range(count)]


def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes, and return all that comes back."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(sent)
            connection.settimeout(0.3 if sent in UNFINISHED else PATIENCE_S)
            while chunk := connection.recv(65_536):
                received += chunk
        except TimeoutError:
            assert sent in UNFINISHED, sent[:300]
        except ConnectionError:
            pass  # refused while we were still sending
    return received


def comparable(answer: bytes) -> bytes:
    """Return an answer without what differs from one to the next; names of headers in one spelling."""
    return VARIES.sub(b"", answer)


@pytest.mark.parametrize("server", SERVERS)
def test_arbitrary_bytes_get_the_answer_they_would_have_got(new_site: Callable[..., Site], server: str) -> None:
    site = new_site(QUICK, ENVIRONMENT="staging", ALLOWED_HOSTS="127.0.0.1,[::1]")
    bare = new_site(QUICK, E2E_BARE="1", ENVIRONMENT="staging", ALLOWED_HOSTS="127.0.0.1,[::1]")
    reached: Counter[int] = Counter()
    with ExitStack() as stack:
        for each in (site, bare):
            stack.enter_context(getattr(each, server)(*SERVERS[server]))
        for sent in (
            *ODD,
            *UNFINISHED,
            *arbitrary(60),
            *(request(f"GET /bad/raise/{name}/".encode()) for name in RAISING),
        ):
            answer, expected = exchange(site.port, sent), exchange(bare.port, sent)
            assert comparable(answer) == comparable(expected), sent[:300]
            if found := REQUEST_ID.findall(answer):
                assert len(found) == 1
                assert re.fullmatch(rb"[\w.:+/=@-]{1,200}", found[0]), sent[:300]
                reached[int(answer.split(maxsplit=2)[1])] += 1
    assert reached.total() > 60
    assert reached[500] >= len(RAISING)
    lines = [line for line in site.log.read_bytes().splitlines() if line.startswith(b"{")]
    assert len(lines) > 60
    assert all(isinstance(json.loads(line), dict) and len(line) <= 65_536 for line in lines)
    assert not [line[:3000] for line in lines if b"Monitoring failed" in line]
    counts = site.counts()
    assert counts.statuses == reached
    assert sum(counts.errors.values()) >= len(RAISING)
    assert {"tests.e2e.site_views.BrokenError", "tests.e2e.site_views.QueryingError", "RecursionError"} <= set(
        counts.errors
    )


def test_bad_values_and_knots_cost_a_view_nothing(new_site: Callable[..., Site]) -> None:
    site = new_site(QUICK, ENVIRONMENT="staging")
    with site.gunicorn():
        for path in ("/bad/metrics/", "/bad/metadata/"):
            reply = site.get(path)
            assert (reply.status, reply.body) == (200, b"recorded")
        dropped = site.detailed()["pipeline:dropped"]
    counts = site.counts()
    assert counts.metrics["e2e.good"] == 1e30
    assert counts.metrics["e2e.knot"] == 1
    assert counts.metrics["e2e.tags"] == 4
    assert "e2e.bad" not in counts.metrics
    assert counts.errors == {"ValueError": 1}
    assert dropped["observedValue"] == 0 or dropped["status"] == "warn"
    knot = [json.loads(line) for line in site.log.read_text().splitlines() if '"with a knot"' in line]
    assert len(knot) == 1
