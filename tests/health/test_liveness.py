"""Liveness does no I/O at all, and is never limited."""

from __future__ import annotations

import json
import sys
import threading

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

_io: list[str] | None = None
_owner = threading.get_ident()


def _hook(event, arguments):
    if (
        _io is not None
        and threading.get_ident() == _owner
        and event.startswith(("open", "socket.", "sqlite3.", "subprocess.", "os."))
    ):
        _io.append(event)


@pytest.fixture
def io():
    """The I/O that the interpreter itself sees in a block of the test: files, sockets, databases, processes."""
    global _io, _owner
    _owner = threading.get_ident()
    if not getattr(_hook, "added", False):
        sys.addaudithook(_hook)
        _hook.added = True  # a hook cannot be taken away again

    class Watch:
        def __enter__(self):
            global _io
            _io = self.events = []
            return self

        def __exit__(self, *exc):
            global _io
            _io = None

    yield Watch()
    _io = None


@pytest.mark.parametrize("fast_path", [True, False])
def test_liveness_does_no_io_even_under_atomic_requests(client, io, settings, fast_path):
    settings.ARTISAN_MONITORING = {"PROBE_FAST_PATH": fast_path}
    client.get("/health/liveness")
    for alias in connections:
        connections.settings[alias]["ATOMIC_REQUESTS"] = True
    try:
        for connection in connections.all():
            connection.close()
        with (
            CaptureQueriesContext(connections["default"]) as host,
            CaptureQueriesContext(connections["monitoring"]) as ours,
            io,
        ):
            response = client.get("/health/liveness")
    finally:
        for alias in connections:
            connections.settings[alias]["ATOMIC_REQUESTS"] = False
    assert response.status_code == 200
    assert json.loads(response.content) == {"status": "pass"}
    assert response["Content-Type"] == "application/health+json"
    assert not host.captured_queries
    assert not ours.captured_queries
    assert io.events == []


def test_the_io_watch_sees_io_of_this_thread(io):
    with io:
        elsewhere = threading.Thread(target=lambda: open("/dev/null").close())
        elsewhere.start()
        elsewhere.join()
        connections["default"].connect()
    assert "sqlite3.connect" in io.events
    assert "open" not in io.events  # of another thread


@pytest.mark.parametrize("name", ["liveness", "readiness", "startup", "detailed", "metrics", "health"])
def test_no_view_is_atomic_on_any_alias(name):
    from artisan_monitoring.health import views

    assert "an alias that comes later" in getattr(views, name)._non_atomic_requests


def test_liveness_is_never_limited(client, configure):
    configure(RATE_LIMIT=1)
    assert {client.get("/health/liveness").status_code for _ in range(100)} == {200}
