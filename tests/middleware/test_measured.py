"""What monitoring costs a request, measured in some of them; and the parts that step down when it is too much."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from artisan_monitoring.core import context, spending
from artisan_monitoring.core.context import Observation
from artisan_monitoring.core.guard import failures
from artisan_monitoring.core.spending import Account, accounted, charged, running
from artisan_monitoring.errors import capture, samples
from artisan_monitoring.health.checks.river import PipelineCheck
from artisan_monitoring.middleware import measured
from artisan_monitoring.middleware.measured import Switch
from artisan_monitoring.pipeline import overhead as overhead_module
from artisan_monitoring.pipeline.overhead import SELDOM, overhead
from artisan_monitoring.queries import recorder, slow
from artisan_monitoring.queries.metering import metered
from artisan_monitoring.security import requests
from artisan_monitoring.testing import CapturedMetrics, capture_errors, capture_metrics, override_monitoring

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.urls("tests.middleware.test_measured"),
]

NAME = "artisan.request.overhead"
ATTACK = {"q": "1' or '1'='1"}


def burn(seconds: float) -> None:
    """Use processor time, as slow code does."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Slow:
    """An object whose description takes 25 ms."""

    def __repr__(self) -> str:
        burn(0.025)
        return "slow"


def busy(request: HttpRequest) -> HttpResponse:
    burn(0.02)
    return HttpResponse("ok")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def fail(request: HttpRequest) -> HttpResponse:
    slow = Slow()  # noqa: F841
    raise type(f"Error{request.GET['number']}", (Exception,), {})


def queried(request: HttpRequest) -> HttpResponse:
    for _ in range(10):
        User.objects.count()
    return HttpResponse("ok")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    burn(0.02)
    await asyncio.sleep(0)
    return HttpResponse("ok")


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


urlpatterns = [path(f"{view.__name__}/", view) for view in (busy, plain, fail, queried, asynchronous, streamed)]


@pytest.fixture(autouse=True)
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure under a test runner too, and leave nothing behind."""
    monkeypatch.setattr(measured, "active", lambda: True)
    overhead.reset()
    yield
    overhead.reset()
    assert running.get() is None
    assert not Switch.detour
    assert not measured._in_flight


@pytest.fixture
def captured() -> Iterator[CapturedMetrics]:
    with capture_metrics() as metrics:
        yield metrics


def next_is_measured() -> None:
    overhead.left = 1


def test_one_request_in_some_is_measured(captured: CapturedMetrics) -> None:
    client = Client()
    for _ in range(SELDOM - 1):
        client.get("/plain/")
    assert captured.count(NAME) == 0
    client.get("/plain/")
    assert captured.count(NAME) == 1
    assert overhead.left == overhead.every == SELDOM


def test_it_is_what_monitoring_uses_and_not_the_site(captured: CapturedMetrics) -> None:
    for _ in range(5):
        next_is_measured()
        assert Client().get("/busy/").content == b"ok"
    cell = captured.cell(NAME)
    assert cell.count == 5
    assert 0 < cell.min < 0.02  # the view alone takes that
    assert captured.count("http.server.request.duration") == 5
    assert overhead.stats()["samples"] == 5


def test_what_the_middleware_takes_is_in_it(captured: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect = requests.inspect
    monkeypatch.setattr(requests, "inspect", lambda *args, **named: (burn(0.01), inspect(*args, **named))[1])
    next_is_measured()
    Client().get("/busy/", ATTACK)
    assert captured.sum("artisan.security.findings") > 0
    assert 0.01 <= captured.cell(NAME).sum < 0.03


def test_an_error_is_in_it_once(captured: CapturedMetrics) -> None:
    next_is_measured()
    with capture_errors() as errors:
        Client(raise_request_exception=False).get("/fail/?number=0")
    assert len(errors) == 1
    assert 0.025 <= captured.cell(NAME).sum < 0.05


def test_of_a_query_only_what_is_ours_is_in_it(captured: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(recorder, "_slow_s", 0.0)
    monkeypatch.setattr(slow, "normalise", lambda text, vendor: (burn(0.002), text)[1])
    monkeypatch.setattr(slow, "_limit", slow.MinuteLimit())
    next_is_measured()
    Client().get("/queried/")
    assert captured.sum("artisan.db.slow_queries") == 10
    assert captured.cell(NAME).sum >= 0.02
    assert recorder.wrapper_of(connections["default"]) in connection.execute_wrappers
    assert not any("_Meter" in repr(each) for each in connection.execute_wrappers)


def test_a_wrapper_of_somebody_else_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()

    def theirs(execute: Callable[..., object], *args: object) -> object:
        burn(0.01)
        return execute(*args)

    connection.execute_wrappers.insert(0, theirs)
    connection.execute_wrappers.append(theirs)
    account, observation = Account(), Observation()
    context.observation.set(observation)
    try:
        with metered(account):
            User.objects.count()
    finally:
        connection.execute_wrappers.remove(theirs)
        connection.execute_wrappers.remove(theirs)
        context.observation.set(None)
    assert observation.query_count == 1
    assert 0 < account.spent_s < 0.01


def test_an_async_request_is_measured(captured: CapturedMetrics) -> None:
    async def visit() -> bytes:
        next_is_measured()
        return (await AsyncClient().get("/asynchronous/")).content

    assert asyncio.run(visit()) == b"ok"
    assert captured.count(NAME) == 1
    assert 0 < captured.sum(NAME) < 0.02


def test_requests_beside_a_measured_one_are_not_charged_to_it(captured: CapturedMetrics) -> None:
    async def visit() -> None:
        next_is_measured()
        client = AsyncClient()
        await asyncio.gather(*(client.get("/asynchronous/") for _ in range(5)))

    asyncio.run(visit())
    assert captured.count(NAME) == 1
    assert captured.count("http.server.request.duration") == 5
    assert captured.sum(NAME) < 0.02


def test_a_stream_is_measured_to_its_beginning(captured: CapturedMetrics) -> None:
    next_is_measured()
    response = Client().get("/streamed/")
    assert b"".join(response.streaming_content) == b"ab"  # type: ignore[attr-defined]
    assert captured.count(NAME) == 1
    assert captured.count("http.server.request.duration") == 1


def test_a_hook_that_raises_harms_no_measured_request_either(
    captured: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "examine", lambda request, status: 1 / 0)
    failures.clear()
    next_is_measured()
    assert Client().get("/busy/").status_code == 200
    assert failures["SecurityMonitoringMiddleware.after"] == 1
    failures.clear()
    assert captured.count(NAME) == 1


def test_off_nothing_is_measured(captured: CapturedMetrics) -> None:
    with override_monitoring(ENABLED=False):
        for _ in range(2):
            next_is_measured()
            assert Client().get("/busy/").content == b"ok"
        assert Switch.detour
    assert captured.names() == set()


def test_what_is_charged_inside_is_charged_once() -> None:
    account = Account()

    @accounted
    def costly() -> None:
        burn(0.003)

    def run() -> None:
        running.set(account)
        costly()
        with charged(account):
            burn(0.003)
            costly()
        costly()

    Context().run(run)
    assert 0.0119 <= account.spent_s < 0.015
    costly()  # nobody's
    assert spending.running.get() is None


# -- the budget --------------------------------------------------------------------------------------------------------


class Site:
    """A site with visitors, and a clock that only they move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.time()
        monkeypatch.setattr(overhead_module, "time", SimpleNamespace(time=lambda: self.now))
        self.client = Client(raise_request_exception=False)
        self.visits = 0

    def visit(self, url: str, minutes: int = 2) -> None:
        """Send fifteen measured requests a minute, and have the flusher judge after each minute."""
        for _ in range(minutes):
            for _ in range(15):
                self.visits += 1
                self.now += 4
                next_is_measured()
                self.client.get(url.format(number=self.visits))
            overhead.judge(self.now)

    def rest(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now += 60
            overhead.judge(self.now)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # Ten times the usual budget, and no end to the time of a sample: on a busy machine everything takes longer.
    monkeypatch.setattr(samples, "LOCALS_BUDGET_S", 10.0)
    with override_monitoring(OVERHEAD_BUDGET_MS=20.0):
        yield Site(monkeypatch)


def test_slow_locals_step_down_and_come_back(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with capture_errors() as errors:
        site.visit("/fail/?number={number}")
        assert overhead.level.off == ("locals",)
        assert "Off now: local variables in error samples." in caplog.text
        assert "slow" in locals_of(errors[0])
        capture._bound.cache_clear()  # the next minute's samples
        site.visit("/fail/?number={number}", minutes=1)
        assert locals_of(errors[-1]) == {}
        assert errors[-1].record["samples"]  # the rest of the sample is there
        capture._bound.cache_clear()
        site.visit("/fail/?number={number}", minutes=3)
        assert overhead.level.off == ("locals",)  # it was enough
        with caplog.at_level(logging.INFO, "artisan_monitoring"):
            site.rest(3)
        assert overhead.level.off == ()
        assert "Off still: nothing." in caplog.text
        capture._bound.cache_clear()
        site.visit("/fail/?number={number}", minutes=1)
        assert "slow" in locals_of(errors[-1])


def locals_of(captured: capture.Captured) -> dict[str, str]:
    (sample,) = captured.record["samples"]
    found: dict[str, str] = sample["details"]["exception"][0]["frames"][-1].get("locals", {})
    return found


def test_slow_rules_step_down_after_the_others_and_say_so_everywhere(
    site: Site, captured: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect = requests.inspect
    monkeypatch.setattr(requests, "inspect", lambda *args, **named: (burn(0.025), inspect(*args, **named))[1])
    attack = "/plain/?q=1'+or+'1'='1&number={number}"
    site.visit(attack, minutes=6)
    assert overhead.level.off == ("locals", "sql", "rules")
    found = captured.sum("artisan.security.findings")
    assert found > 0
    site.visit(attack, minutes=1)
    assert captured.sum("artisan.security.findings") == found  # nobody looks
    check = {each.name: each for each in PipelineCheck().limits(deployment_with(overhead.stats(site.now)))}
    assert (check["steppedDown"].value, check["steppedDown"].status) == (3, "warn")
    assert check["steppedDown"].output == (
        "above 20 ms a request; off for that: "
        "local variables in error samples, SQL text of slow queries, security rules"
    )
    monkeypatch.setattr(requests, "inspect", inspect)
    site.visit(attack, minutes=5)
    assert overhead.level.value == 2
    site.visit(attack, minutes=10)
    assert overhead.level.value == 0
    assert captured.sum("artisan.security.findings") > found
    check = {each.name: each for each in PipelineCheck().limits(deployment_with(overhead.stats(site.now)))}
    assert {check["steppedDown"].status, check["overhead"].status} == {"pass"}


def deployment_with(stats: dict[str, object]) -> dict[str, object]:
    return {
        "flush_duration_s": 0, "cells_waiting": 0, "series": 0, "log_records": {},
        "overhead_p99_s": stats["p99_s"], "overhead_off": stats["off"],
    }  # fmt: skip


def test_without_the_sql_text_a_slow_query_is_still_counted_and_logged(
    captured: CapturedMetrics, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow, "_limit", slow.MinuteLimit())
    named = {"alias": "default", "vendor": "sqlite", "system": "sqlite"}
    slow.report_slow("SELECT 1 FROM orders", 0.5, **named)
    monkeypatch.setattr(overhead, "level", overhead_module.Level(2))
    slow.report_slow("SELECT 1 FROM orders", 0.5, **named)
    assert captured.sum("artisan.db.slow_queries", db__operation__name="SELECT") == 2
    whole, short = caplog.records
    assert whole.statement == "SELECT ? FROM orders"  # type: ignore[attr-defined]
    assert short.operation == "SELECT"  # type: ignore[attr-defined]
    assert not hasattr(short, "statement")
    assert not hasattr(short, "caller")


def test_a_fault_in_measuring_is_not_the_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    failures.clear()
    for place, name in (("overhead.begin", "active"), ("overhead.end", "_used")):
        with monkeypatch.context() as patched:
            patched.setattr(measured, name, None)
            next_is_measured()
            assert Client().get("/plain/").status_code == 200
        assert failures[place] == 1
    with monkeypatch.context() as patched:
        patched.setattr("artisan_monitoring.queries.metering.wrapper_of", None)
        connection.ensure_connection()
        next_is_measured()
        assert Client().get("/plain/").status_code == 200
    assert failures["queries.meter"] == 1
    failures.clear()
