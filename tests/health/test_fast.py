"""Probes answered before Django's own stack has a say."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory
from django.urls import include, path, set_script_prefix

from artisan_monitoring.health import fast

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

urlpatterns = [path("ops/", include("artisan_monitoring.urls")), path("x", lambda request: HttpResponse())]


def probe(path, method="get", **meta):
    return fast.answer_probe(getattr(RequestFactory(), method)(path, **meta))


def test_probes_are_answered_whatever_the_host_and_the_scheme(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = []
    for where in ("/health/liveness", "/health/readiness"):
        for method in ("get", "head"):
            response = probe(where, method, HTTP_HOST="10.2.3.4:8000", HTTP_X_FORWARDED_FOR="\x00")
            assert (response.status_code, json.loads(response.content)) == (200, {"status": "pass"})
            assert response["Content-Length"] == "18"


@pytest.mark.parametrize(
    "where", ["/", "/health/", "/health/liveness/", "/health/liveness/x", "/health/detailed", "/HEALTH/LIVENESS", ""]
)
def test_only_the_exact_paths(where):
    assert probe(where) is None


def test_only_safe_methods():
    assert probe("/health/liveness", "post") is None
    assert probe("/health/readiness", "delete") is None


def test_readiness_is_the_real_one(configure, tmp_path):
    configure(DRAIN_FILE=str(tmp_path / "drain"))
    (tmp_path / "drain").touch()
    assert probe("/health/readiness").status_code == 503
    assert probe("/health/liveness").status_code == 200


def test_it_can_be_switched_off(settings):
    settings.ARTISAN_MONITORING = {"PROBE_FAST_PATH": False}
    assert probe("/health/liveness") is None
    settings.ARTISAN_MONITORING = {}
    assert probe("/health/liveness").status_code == 200


def test_it_follows_the_urlconf(settings):
    assert probe("/health/liveness") is not None
    settings.ROOT_URLCONF = __name__
    assert probe("/health/liveness") is None
    assert probe("/ops/liveness").status_code == 200


def test_without_the_urls_there_are_no_probes(settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert probe("/health/liveness") is None


def test_a_urlconf_that_does_not_load_is_djangos_to_report(settings):
    settings.ROOT_URLCONF = "tests.health.no_such_module"
    assert probe("/health/liveness") is None
    settings.ROOT_URLCONF = "tests.urls"
    assert probe("/health/liveness") is not None


def test_the_script_prefix_is_not_part_of_the_path():
    set_script_prefix("/shop/")
    try:
        assert probe("/health/liveness").status_code == 200
        assert probe("/shop/health/liveness") is None
    finally:
        set_script_prefix("/")


def test_async_readiness_leaves_the_loop_free(configure):
    hang = threading.Event()
    configure(READINESS=["fake"], CHECKS={"fake": {"BACKEND": "tests.health.fakes.Fake", "OPTIONS": {"hang": hang}}})

    async def main():
        request = RequestFactory().get("/health/readiness")
        asking = asyncio.ensure_future(fast.answer_probe_async(request))
        ticks = 0
        started = time.monotonic()
        while not asking.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return (await asking).status_code, ticks, time.monotonic() - started

    status, ticks, took = asyncio.run(main())
    hang.set()
    assert status == 503
    assert ticks > 5
    assert took < 1.5


def test_a_fault_of_ours_is_not_ready_and_tells_nothing(monkeypatch):
    def broken(request):
        raise RuntimeError("hunter2")

    monkeypatch.setattr(fast, "client_of", broken)
    response = probe("/health/readiness")
    assert (response.status_code, json.loads(response.content)) == (503, {"status": "fail"})
    response = asyncio.run(fast.answer_probe_async(RequestFactory().get("/health/readiness")))
    assert response.status_code == 503


@pytest.mark.parametrize("where", ["/health/liveness", "/health/readiness"])
def test_the_middleware_answers_before_django_does(client, settings, where):
    settings.ALLOWED_HOSTS = ["shop.example"]
    settings.SECURE_SSL_REDIRECT = True
    pod = "10.2.3.4:8000"
    assert client.get(where, HTTP_HOST=pod).status_code == 200
    assert asyncio.run(AsyncClient().get(where, headers={"host": pod})).status_code == 200
    settings.ARTISAN_MONITORING = {"PROBE_FAST_PATH": False}
    assert client.get(where, HTTP_HOST=pod).status_code in (301, 400)


def test_async_says_at_once_what_is_no_probe():
    assert fast.answer_probe_async(RequestFactory().get("/shop")) is None
    assert fast.answer_probe_async(RequestFactory().post("/health/liveness")) is None


def test_async_liveness():
    response = asyncio.run(fast.answer_probe_async(RequestFactory().get("/health/liveness")))
    assert response.status_code == 200
