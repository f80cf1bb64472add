"""The endpoints, through Django's whole stack, with real databases behind them."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.health import registry
from artisan_monitoring.health.answers import words
from artisan_monitoring.health.base import Check, CheckError, Measurement, Status

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

TOKEN = "a-token-that-is-long-enough"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
SECRET = "postgres://shop:hunter2@db.internal/shop"


@dataclass(frozen=True, kw_only=True)
class Fake(Check):
    """A check that does as told, through `HEALTH["CHECKS"]`."""

    status: str = "pass"
    hang: threading.Event | None = field(default=None, compare=False)
    runs: list[float] = field(default_factory=list, compare=False)

    def run(self):
        self.runs.append(time.monotonic())
        if self.hang is not None:
            self.hang.wait(60)
        if self.status == "fail":
            raise CheckError("told to", "told")
        if self.status == "error":
            raise ConnectionError(SECRET)
        return [Measurement("responseTime", 1.5, "ms", Status(self.status), "slow" if self.status == "warn" else "")]


def fake(**options):
    return {"BACKEND": f"{__name__}.Fake", "OPTIONS": options}


@pytest.fixture
def only(configure):
    """A function that makes one fake check the only one of every list."""

    def change(top=None, health=None, **options):
        lists = {section: ["fake"] for section in registry.LISTS}
        configure(top=top, CHECKS={"fake": fake(**options)}, **{**lists, **(health or {})})

    return change


# -- liveness ----------------------------------------------------------------------------------------------------------

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


# -- readiness ---------------------------------------------------------------------------------------------------------


def test_readiness_of_a_healthy_site(client):
    response = client.get("/health/readiness")
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "pass"})
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("options", "http", "status"),
    [
        ({"status": "pass"}, 200, "pass"),
        ({"status": "warn"}, 200, "warn"),
        ({"status": "fail"}, 503, "fail"),
        ({"status": "fail", "critical": False}, 200, "warn"),
        ({"status": "error"}, 503, "fail"),
    ],
)
def test_status_decides_the_http_code_and_nothing_leaks(client, only, options, http, status):
    only(top={"SERVICE": "secret-shop", "RELEASE": "9.9.9"}, **options)
    for path in ("readiness", "startup", "readiness/fake"):
        response = client.get(f"/health/{path}")
        assert (response.status_code, json.loads(response.content)) == (http, {"status": status})
        everything = response.content + str(dict(response.headers)).encode()
        for leak in (b"hunter2", b"9.9.9", b"secret-shop", b"ConnectionError", b"told", b"fake"):
            assert leak not in everything


def test_a_shared_dependency_may_be_forgiven(client, only):
    only(status="fail", shared=True, health={"READINESS_SHARED_FAILURE": "warn"})
    assert json.loads(client.get("/health/readiness").content) == {"status": "warn"}
    assert client.get("/health/").status_code == 503


def test_readiness_answers_in_time_when_everything_hangs(client, only):
    hang = threading.Event()
    only(hang=hang)
    for _ in range(3):
        started = time.monotonic()
        assert client.get("/health/readiness").status_code == 503
        assert time.monotonic() - started < 1.5  # 0.8 s and a busy machine
    hang.set()


def test_a_drained_host_is_not_ready_but_alive(client, configure, tmp_path):
    configure(DRAIN_FILE=str(tmp_path / "drain"))
    assert client.get("/health/readiness").status_code == 200
    (tmp_path / "drain").touch()
    assert client.get("/health/readiness").status_code == 503
    assert client.get("/health/liveness").status_code == 200
    assert client.get("/health/").status_code == 200
    (tmp_path / "drain").unlink()
    assert client.get("/health/readiness").status_code == 200


def test_over_the_limit_a_probe_gets_the_last_answer_with_its_age(client, only, monkeypatch):
    runs = []
    monkeypatch.setattr(Fake, "run", lambda self: runs.append(1) or [])
    only(health={"RATE_LIMIT": 2, "CACHE_S": 0.0})
    responses = [client.get("/health/readiness") for _ in range(6)]
    assert [response.status_code for response in responses] == [200] * 6
    assert len(runs) == 2
    words.said["READINESS"] = words.said["READINESS"]._replace(at=time.monotonic() - 7)
    assert client.get("/health/readiness")["Age"] == "7"
    assert len(runs) == 2


def test_over_the_limit_an_answer_does_not_age_without_end(client, only, monkeypatch):
    runs = []
    monkeypatch.setattr(Fake, "run", lambda self: runs.append(1) or [])
    only(health={"RATE_LIMIT": 1, "CACHE_S": 0.0})
    client.get("/health/readiness")
    words.said["READINESS"] = words.said["READINESS"]._replace(at=time.monotonic() - 11)
    client.get("/health/readiness")
    assert len(runs) == 2


def test_over_the_limit_a_drained_host_still_says_so(client, only, tmp_path):
    only(health={"RATE_LIMIT": 1, "DRAIN_FILE": str(tmp_path / "drain")})
    client.get("/health/readiness")
    client.get("/health/readiness")
    (tmp_path / "drain").touch()
    assert client.get("/health/readiness").status_code == 503


def test_readiness_of_one_check(client, only):
    only()
    assert client.get("/health/readiness/fake").status_code == 200
    assert client.get("/health/readiness/cpu").status_code == 404
    assert client.get("/health/readiness/no-such").status_code == 404


# -- start-up ----------------------------------------------------------------------------------------------------------


def test_startup_waits_and_then_stays(client, only):
    only(status="fail")
    assert client.get("/health/startup").status_code == 503
    only(status="pass")
    assert client.get("/health/startup").status_code == 200
    only(status="fail")
    assert client.get("/health/startup").status_code == 200


# -- the word ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain"),
        ("application/health+json", "application/health+json"),
        ("application/json", "application/health+json"),
        ("image/png", "text/plain"),
        ("\xff" * 500, "text/plain"),
        (",;q=/" * 200_000, "text/plain"),
    ],
)
def test_the_word_as_text_or_json(client, only, accept, kind):
    only(status="warn")
    response = client.get("/health/", HTTP_ACCEPT=accept)
    assert response.status_code == 200
    assert response["Content-Type"].startswith(kind)
    assert response.content == (b"warn\n" if kind == "text/plain" else b'{"status": "warn"}')


def test_the_word_covers_every_check_by_default(configure):
    configure(CHECKS={"fake": fake()})
    assert {check.name for check in registry.checks("SUMMARY")} >= {"database", "cpu", "store", "pipeline", "fake"}


# -- details -----------------------------------------------------------------------------------------------------------


def test_details_need_rights(client, only):
    only(health={"TOKENS": [TOKEN]})
    assert client.get("/health/detailed").status_code == 401
    assert client.get("/health/metrics").status_code == 401
    assert client.get("/health/detailed", HTTP_AUTHORIZATION="Bearer no").status_code == 403
    assert client.get("/health/detailed", **BEARER).status_code == 200
    assert b"fake" not in client.get("/health/detailed").content


def test_details_open_to_staff(client, only):
    only()
    client.force_login(User.objects.create_user("anna"))
    assert client.get("/health/detailed").status_code == 403
    client.force_login(User.objects.create_user("boss", is_staff=True))
    assert client.get("/health/detailed").status_code == 200


def test_details_follow_the_draft(client, only):
    only(top={"SERVICE": "shop-web", "RELEASE": "2026.11.1"}, status="warn", health={"TOKENS": [TOKEN]})
    response = client.get("/health/detailed", **BEARER)
    payload = json.loads(response.content)
    assert response["Content-Type"] == "application/health+json"
    assert payload["status"] == "warn"
    assert (payload["version"], payload["releaseId"], payload["serviceId"]) == ("1", "2026.11.1", "shop-web")
    (entry,) = payload["checks"]["fake:responseTime"]
    assert (entry["observedValue"], entry["observedUnit"], entry["status"]) == (1.5, "ms", "warn")
    assert entry["output"] == "slow"
    assert entry["time"].endswith("Z")
    assert payload["checks"]["uptime"][0]["observedUnit"] == "s"
    assert all(isinstance(value, list) for value in payload["checks"].values())


def test_details_of_a_pass_have_no_output(client, only):
    only(health={"TOKENS": [TOKEN]})
    (entry,) = json.loads(client.get("/health/detailed", **BEARER).content)["checks"]["fake:responseTime"]
    assert "output" not in entry


def test_details_show_the_class_of_an_exception_and_never_its_text(client, only):
    only(status="error", health={"TOKENS": [TOKEN]})
    response = client.get("/health/detailed", **BEARER)
    assert response.status_code == 503
    assert b"ConnectionError" in response.content
    assert b"hunter2" not in response.content


def test_details_note_a_drain(client, only, tmp_path):
    only(health={"TOKENS": [TOKEN], "DRAIN_FILE": str(tmp_path / "drain")})
    (tmp_path / "drain").touch()
    assert "out of traffic" in json.loads(client.get("/health/detailed", **BEARER).content)["notes"][0]


def test_every_built_in_check_answers(client, configure):
    configure(TOKENS=[TOKEN])
    payload = json.loads(client.get("/health/detailed", **BEARER).content)
    names = {key.partition(":")[0] for key in payload["checks"]}
    assert names >= {
        "database",
        "migrations",
        "cache",
        "cpu",
        "memory",
        "disk",
        "store",
        "pipeline",
        "celery",
        "uptime",
    }
    databases = payload["checks"]["database:responseTime"]
    assert {entry["componentId"] for entry in databases} == {"default", "monitoring"}
    assert payload["status"] in ("pass", "warn")


def test_details_are_refused_politely_when_asked_too_often(client, only):
    only(health={"TOKENS": [TOKEN], "RATE_LIMIT": 2})
    assert [client.get("/health/detailed", **BEARER).status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/health/metrics", **BEARER)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert client.get("/health/readiness").status_code == 200


# -- whatever comes in -------------------------------------------------------------------------------------------------

PATHS = ["", "liveness", "readiness", "startup", "detailed", "metrics"]


@pytest.mark.parametrize("path", PATHS)
def test_only_safe_methods(client, path):
    assert client.post(f"/health/{path}").status_code == 405
    assert client.delete(f"/health/{path}").status_code == 405


@pytest.mark.parametrize("path", PATHS[:4])
def test_head_is_a_get_without_body(client, path):
    response = client.head(f"/health/{path}")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", PATHS)
def test_hostile_headers_change_no_answer(client, only, path):
    only(health={"TOKENS": [TOKEN]}, top={"TRUSTED_PROXIES": ["127.0.0.0/8"]})
    expected = 403 if path in ("detailed", "metrics") else 200
    response = client.get(
        f"/health/{path}",
        HTTP_AUTHORIZATION="Bearer \x00\xff\udcff" + "A" * 1_000_000,
        HTTP_X_FORWARDED_FOR="'; DROP TABLE x --, \x00\xff, " + "9" * 100_000,
        HTTP_FORWARDED='for="[::1',
        HTTP_X_REQUEST_ID="a\r\nSet-Cookie: x=1",
    )
    assert response.status_code == expected
    assert "Set-Cookie" not in response.headers


def test_a_login_wall_lets_probes_through(only, settings):
    only()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    client = Client()
    for path in PATHS[:4]:
        assert client.get(f"/health/{path}").status_code == 200
    assert client.get("/health/detailed").status_code == 401


def test_async_client_gets_the_same(only):
    import asyncio

    only(health={"TOKENS": [TOKEN]})

    async def ask(path, **headers):
        response: HttpResponse = await AsyncClient().get(f"/health/{path}", **headers)
        return response.status_code

    async def main():
        return [await ask(path) for path in PATHS[:5]] + [await ask("detailed", AUTHORIZATION=f"Bearer {TOKEN}")]

    assert asyncio.run(main()) == [200, 200, 200, 200, 401, 200]
