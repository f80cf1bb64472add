"""Context for a block and tags for a unit of work, sync and async, also on what leaves the block uncaught."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context

from .test_capture import caught, details, raised

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def ship(request: HttpRequest) -> HttpResponse:
    error_tracker.set_tag("tenant", "acme")
    with error_tracker.context(order="A-1", card_token="hush"), error_tracker.context(line=2, tags={"step": "pack"}):
        raise ValueError("no box")


@error_tracker.context(kind="decorated")
async def ship_async(request: HttpRequest) -> HttpResponse:
    async with error_tracker.context(order="A-2"):
        await asyncio.sleep(0)
        raise ValueError("no box, async")


urlpatterns = [path("ship/", ship), path("async/", ship_async)]


@override_settings(ROOT_URLCONF=__name__)
def test_context_survives_the_block_that_an_unhandled_error_leaves(captured):
    Client(raise_request_exception=False).get("/ship/")
    found = details(captured[0])
    assert found["context"] == {"order": "A-1", "card_token": "[redacted]", "line": "2"}
    assert found["tags"] == {"tenant": "acme", "step": "pack"}


@override_settings(ROOT_URLCONF=__name__)
def test_async_view_and_decorator(captured):
    async_to_sync(AsyncClient(raise_request_exception=False).get)("/async/")
    assert details(captured[0])["context"] == {"kind": "decorated", "order": "A-2"}


@override_settings(ROOT_URLCONF=__name__)
def test_nothing_of_a_request_reaches_the_next(captured):
    Client(raise_request_exception=False).get("/ship/")
    error_tracker.track_error(raised(ValueError("later")))
    assert "context" not in details(captured[1])
    assert "tags" not in details(captured[1])


def test_inside_the_block_it_is_raw_and_the_innermost_wins(captured):
    with error_tracker.context(order="outer", by="outer"), error_tracker.context(order="inner"):
        error_tracker.track_error(raised(ValueError("x")), context={"by": "call"})
    assert details(captured[0])["context"] == {"order": "inner", "by": "call"}


def test_cause_that_left_a_block_brings_its_context(captured):
    def fail() -> None:
        try:
            with error_tracker.context(order="A-1"):
                raise KeyError("x")
        except KeyError as exc:
            raise ValueError("could not ship") from exc

    error_tracker.track_error(caught(fail))
    assert details(captured[0])["context"] == {"order": "A-1"}


def test_marked_exception_can_be_pickled():
    class Unpicklable:
        def __reduce__(self):
            raise TypeError("not this one")

    def fail() -> None:
        with error_tracker.context(thing=Unpicklable()):
            raise ValueError("x")

    assert pickle.loads(pickle.dumps(caught(fail))).args == ("x",)


def test_exception_kept_in_a_module_has_each_requests_own_context(captured):
    kept = ValueError("kept")

    def fail(order: str) -> None:
        with error_tracker.context(order=order):
            raise kept

    for order in ("A-1", "A-2"):
        context.request_id.set(order)
        error_tracker.track_error(caught(lambda order=order: fail(order)))
    assert [details(error)["context"] for error in captured] == [{"order": "A-1"}, {"order": "A-2"}]


def test_tasks_of_a_loop_keep_their_own(captured):
    async def work(order: str) -> None:
        async with error_tracker.context(order=order):
            await asyncio.sleep(0.01)
            error_tracker.track_error(raised(ValueError(order)))

    async def both() -> None:
        await asyncio.gather(work("A-1"), work("A-2"))

    asyncio.run(both())
    assert [details(error)["context"]["order"] for error in captured] == ["A-1", "A-2"]


def test_decorated_function_keeps_name_and_result():
    @error_tracker.context(a=1)
    def add(one: int, other: int) -> int:
        """Add."""
        return one + other

    assert (add(1, other=2), add.__name__, add.__doc__) == (3, "add", "Add.")


def test_tags_are_few_short_and_redacted(captured):
    context.observation.set(context.Observation())
    for number in range(30):
        error_tracker.set_tag(f"tag{number:02}", "x" * 1_000)
    error_tracker.set_tag("tag00", "again")
    error_tracker.set_tag("tag01", "postgres://shop:hush@db/shop")
    error_tracker.track_error(raised(ValueError("x")))
    tags = details(captured[0])["tags"]
    assert len(tags) == 20
    assert tags["tag00"] == "again"
    assert tags["tag01"] == "postgres://[redacted]@db/shop"
    assert len(tags["tag02"]) == 200
