"""The public endpoints, through Django's whole stack, with real databases behind them."""

from __future__ import annotations

import json
import threading
import time

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client

from artisan_monitoring.health import registry
from artisan_monitoring.health.answers import words
from tests.health.fakes import Fake, fake

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

TOKEN = "a-token-that-is-long-enough"


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
