"""The lag of an event loop: what blocks it is seen, and where there is none nothing happens."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from artisan_monitoring.metrics import eventloop
from artisan_monitoring.metrics.eventloop import watch_running_loop
from artisan_monitoring.middleware import MonitoringMiddleware
from artisan_monitoring.testing import CapturedMetrics, override_monitoring


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventloop, "EVERY_S", 0.01)


def test_a_blocked_loop_is_late(sampled: CapturedMetrics) -> None:
    async def site() -> None:
        watch_running_loop()
        watch_running_loop()  # a second middleware: still one measurement
        await asyncio.sleep(0.1)
        time.sleep(0.2)  # the trouble that is to be seen
        await asyncio.sleep(0.1)

    asyncio.run(site())
    lag = sampled.cell("artisan.event_loop.lag")
    assert lag.max > 0.15
    assert 3 <= lag.count <= 25


def test_a_second_loop_is_watched_too(sampled: CapturedMetrics) -> None:
    async def site() -> None:
        watch_running_loop()
        await asyncio.sleep(0.05)

    asyncio.run(site())
    first = sampled.count("artisan.event_loop.lag")
    asyncio.run(site())
    assert sampled.count("artisan.event_loop.lag") > first > 0


def test_switching_off_ends_it(sampled: CapturedMetrics) -> None:
    async def site() -> None:
        watch_running_loop()
        with override_monitoring(HOST_METRICS={"ENABLED": False}):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)

    asyncio.run(site())
    assert sampled.count("artisan.event_loop.lag") == 0


def test_without_a_loop_nothing_happens(sampled: CapturedMetrics) -> None:
    watch_running_loop()
    assert sampled.names() == set()


def test_the_first_request_of_a_process_begins_it(sampled: CapturedMetrics) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("well")

    async def server() -> None:
        await MonitoringMiddleware(view)(RequestFactory().get("/"))
        await asyncio.sleep(0.05)

    asyncio.run(server())
    assert sampled.count("artisan.event_loop.lag") > 0
