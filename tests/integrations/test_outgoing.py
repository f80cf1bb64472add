"""Outgoing HTTP calls of urllib, requests and httpx are on the trail of a failing request, against a real server."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import requests
from asgiref.sync import async_to_sync

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.integrations import outgoing
from artisan_monitoring.testing import capture_errors, override_monitoring


class Answers(BaseHTTPRequestHandler):
    """Answers 200, or 503 for what is closed."""

    def do_GET(self) -> None:
        self.send_response(503 if "closed" in self.path else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A real server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # No proxy of this machine comes between.
    monkeypatch.setenv("NO_PROXY", "*")
    with override_monitoring(ERRORS={"TRAIL": ["http", "httpx"]}):
        outgoing.bind()
        context.observation.set(context.Observation())
        yield
        context.clear()


def trail() -> list[dict[str, Any]]:
    with capture_errors() as captured:
        error_tracker.track_error(ValueError("x"))
    return captured[0].record["samples"][0]["details"].get("trail", [])


def by_urllib(url: str) -> None:
    urllib.request.urlopen(url, timeout=5).close()


def by_requests(url: str) -> None:
    requests.get(url, timeout=5)


def by_httpx(url: str) -> None:
    httpx.get(url, timeout=5)


def by_httpx_async(url: str) -> None:
    async def get() -> None:
        async with httpx.AsyncClient(timeout=5) as client:
            await client.get(url)

    async_to_sync(get)()


@pytest.mark.parametrize("fetch", [by_urllib, by_requests, by_httpx, by_httpx_async])
def test_call_is_shown_with_status_and_time(address: str, fetch: Any) -> None:
    fetch(f"{address}/rates?currency=EUR&api_key=hush")
    (entry,) = trail()
    assert entry["kind"] == "http"
    assert entry["text"] == f"GET {address}/rates?currency=EUR&api_key=[redacted]"
    assert entry["data"] == {"status": 200}
    assert entry["ms"] > 0


def test_answers_that_are_errors(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        by_urllib(f"{address}/closed")
    caught.value.close()
    assert trail()[0]["data"] == {"status": 503}


def test_nobody_there() -> None:
    with pytest.raises(urllib.error.URLError):
        by_urllib("http://127.0.0.1:9/")
    with pytest.raises(httpx.ConnectError):
        by_httpx("http://127.0.0.1:9/")
    first, second = trail()
    assert (first["text"], first.get("data"), "ms" in first) == ("GET http://127.0.0.1:9/", None, False)
    assert second["data"] == {"error": "no answer"}


def test_addresses_as_a_person_writes_them() -> None:
    secure = HTTPConnection("shop.example", 443)
    secure.set_tunnel("bank.example", 443)
    for connection, url, wanted in (
        (HTTPConnection("bank.example"), "/a", "http://bank.example/a"),
        (HTTPConnection("bank.example", 8080), "/a", "http://bank.example:8080/a"),
        (HTTPConnection("proxy.example"), "http://bank.example/a", "http://bank.example/a"),
        (secure, "/a", "https://bank.example/a"),
    ):
        assert outgoing._address(connection, url) == wanted


def test_nothing_is_noted_where_nobody_asks(address: str) -> None:
    with override_monitoring(ERRORS={"TRAIL": []}):
        by_urllib(address)
        by_httpx(address)
    assert trail() == []
