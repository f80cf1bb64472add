"""The trail of a failing request: log records, queries and breadcrumbs, in order, redacted, bounded."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context, trail
from artisan_monitoring.errors.log_handler import ErrorHandler, listen
from artisan_monitoring.queries import recorder
from artisan_monitoring.testing import override_monitoring

from .test_capture import details, raised
from .test_log_handler import heard

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])
shop = logging.getLogger("shop.checkout")
shop.setLevel(logging.INFO)


def checkout(request: HttpRequest) -> HttpResponse:
    shop.info("checking out %s", "A-1", extra={"lines": 2, "card_token": "tok_hush"})
    User.objects.filter(username="ann").exists()
    error_tracker.add_breadcrumb("priced", category="cart", total=18.5, password="hush")
    for _ in range(60):
        User.objects.filter(pk=1).exists()
    shop.warning("slow pricing: %s", ValueError("late"))
    raise ValueError("no such order")


async def checkout_async(request: HttpRequest) -> HttpResponse:
    error_tracker.add_breadcrumb("in the async view")
    await User.objects.filter(username="ann").aexists()
    raise ValueError("no such order, async")


def calm(request: HttpRequest) -> HttpResponse:
    seen.append(weakref.ref(context.observation.get()))
    shop.info("all is well")
    return HttpResponse("fine")


seen: list[weakref.ref] = []
urlpatterns = [path("checkout/", checkout), path("async/", checkout_async), path("calm/", calm)]


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    listen()
    recorder.enable()
    with override_settings(ROOT_URLCONF=__name__):
        yield
    root.handlers[:] = before


def test_what_came_before_is_there_in_order_and_redacted(captured):
    Client(raise_request_exception=False).get("/checkout/")
    found = details(captured[0])
    shown = [entry for entry in found["trail"] if not entry["text"].startswith(("SAVEPOINT", "RELEASE"))]
    assert [entry["kind"] for entry in shown] == ["log", "query", "breadcrumb", "query", "log"]
    log, query, breadcrumb, many, warning = shown
    assert (log["text"], log["level"]) == ("checking out A-1", "INFO")
    assert log["data"] == {"logger": "shop.checkout", "lines": 2, "card_token": "[redacted]"}
    assert query["text"].startswith("SELECT %s AS")
    assert query["ms"] > 0
    assert breadcrumb["text"] == "priced"
    assert breadcrumb["data"] == {"category": "cart", "level": "info", "total": 18.5, "password": "[redacted]"}
    assert many["data"] == {"times": 60}
    assert warning["text"] == "slow pricing: late"
    times = [entry["at"] for entry in found["trail"]]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] <= found["trail_at"]
    assert "ann" not in repr(found["trail"])


def test_async_view(captured):
    async_to_sync(AsyncClient(raise_request_exception=False).get)("/async/")
    kinds = [entry["kind"] for entry in details(captured[0])["trail"]]
    assert kinds[0] == "breadcrumb"
    assert "query" in kinds


def test_request_that_goes_well_leaves_nothing_behind():
    gc.collect()
    gc.disable()
    try:
        Client().get("/calm/")
        (observation,) = [ref() for ref in seen]
        assert observation is None or observation.trail is None
    finally:
        gc.enable()
        seen.clear()


def test_rings_are_bounded_and_keep_the_latest(captured):
    context.observation.set(context.Observation())
    for number in range(200):
        error_tracker.add_breadcrumb(f"step {number}")
    error_tracker.track_error(raised(ValueError("x")))
    texts = [entry["text"] for entry in details(captured[0])["trail"]]
    assert texts == [f"step {number}" for number in range(150, 200)]


def test_long_texts_keep_the_sample_small(captured):
    context.observation.set(context.Observation())
    for number in range(50):
        error_tracker.add_breadcrumb(f"{number} " + "x" * 5_000)
    error_tracker.track_error(raised(ValueError("x")))
    shown = details(captured[0])["trail"]
    assert len(repr(shown)) < 16_000
    assert shown[-1]["text"].startswith("49 ")


def test_record_heard_by_two_handlers_is_there_once(captured):
    context.observation.set(context.Observation())
    shop.addHandler(second := ErrorHandler())
    try:
        shop.info("once")
        shop.warning("once more", exc_info=ValueError("late"))
    finally:
        shop.removeHandler(second)
    error_tracker.track_error(raised(ValueError("x")))
    assert [entry["text"] for entry in details(captured[0])["trail"]] == ["once", "once more"]


def test_kinds_are_a_setting(captured):
    with override_monitoring(ERRORS={"TRAIL": []}):
        Client(raise_request_exception=False).get("/checkout/")
    assert [entry["kind"] for entry in details(captured[0])["trail"]] == ["breadcrumb"]


def test_breadcrumbs_of_a_command_need_no_request(captured):
    trail._outside.set(None)
    error_tracker.add_breadcrumb("read the file", rows=3)
    error_tracker.track_error(raised(ValueError("x")))
    found = details(captured[0])
    assert found["trail"][0]["data"] == {"rows": 3}
    assert found["trail_at"] >= found["trail"][0]["at"] >= 0
    trail._outside.set(None)


def test_statement_that_failed_says_so(captured):
    from django.db import OperationalError, connection

    context.observation.set(context.Observation())
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table WHERE name = %s", ["hidden"])
    error_tracker.track_error(caught.value)
    entry = details(captured[0])["trail"][-1]
    assert entry["data"] == {"error": "OperationalError"}
    assert "hidden" not in repr(entry)


def test_broken_objects_in_the_trail_cost_only_their_line(captured):
    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

        __repr__ = __str__

    context.observation.set(context.Observation())
    error_tracker.add_breadcrumb(Broken(), thing=Broken())  # type: ignore[arg-type]
    heard(logging.INFO, "saw %s", Broken())
    error_tracker.add_breadcrumb("after it")
    error_tracker.track_error(raised(ValueError("x")))
    texts = [entry["text"] for entry in details(captured[0])["trail"]]
    assert texts == ["<broken repr of Broken>", "saw <broken repr of Broken>", "after it"]
