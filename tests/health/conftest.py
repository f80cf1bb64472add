"""Each health test starts with no results, no counts and nothing latched."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from artisan_monitoring.health import fast, limits, registry
from artisan_monitoring.health.answers import words
from artisan_monitoring.health.checks import celery, databases, river
from artisan_monitoring.health.prober import prober
from tests.health.fakes import fake


@pytest.fixture(autouse=True)
def _fresh(settings: object) -> None:
    for forget in (
        prober.reset,
        words.reset,
        limits.probes.reset,
        limits.details.reset,
        databases._applied.clear,
        celery._seen.clear,
        river._counted_before.clear,
        fast._forget,
    ):
        forget()


@pytest.fixture
def configure(settings: object) -> Callable[..., None]:
    """A function that sets keys of ARTISAN_MONITORING["HEALTH"], and others by `top={...}`."""

    def change(top: dict[str, object] | None = None, **health: object) -> None:
        settings.ARTISAN_MONITORING = {**(top or {}), "HEALTH": health}  # type: ignore[attr-defined]

    return change


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """The port of a server that accepts and then says nothing, as a machine does whose disk has gone."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def http_server() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], str]]:
    """A function that serves GET with a function on a loopback port, and returns the address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def only(configure: Callable[..., None]) -> Callable[..., None]:
    """A function that makes one fake check the only one of every list."""

    def change(
        top: dict[str, object] | None = None, health: dict[str, object] | None = None, **options: object
    ) -> None:
        lists = {section: ["fake"] for section in registry.LISTS}
        configure(top=top, CHECKS={"fake": fake(**options)}, **{**lists, **(health or {})})

    return change
