"""Cache calls are on the trail of a failing request where a project asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.test import override_settings

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.integrations import caches as integration
from artisan_monitoring.testing import capture_errors, override_monitoring

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture
def cache() -> Iterator[Any]:
    """A new cache, made while cache calls are asked for."""
    made = {"default": {"BACKEND": LOCMEM}, "sessions": {"BACKEND": LOCMEM, "LOCATION": "sessions"}}
    with override_settings(CACHES=made), override_monitoring(ERRORS={"TRAIL": ["cache"]}):
        integration.bind()
        context.observation.set(context.Observation())
        yield caches["default"]
        context.clear()


def trail() -> list[dict[str, Any]]:
    with capture_errors() as captured:
        error_tracker.track_error(ValueError("x"))
    return captured[0].record["samples"][0]["details"].get("trail", [])


def test_calls_are_shown_with_key_time_and_whether_it_was_there(cache: Any) -> None:
    cache.set("basket:17", ["mug"])
    assert cache.get("basket:17") == ["mug"]
    assert cache.get("basket:18", default="none") == "none"
    assert cache.get_many(["basket:17", "basket:18"]) == {"basket:17": ["mug"]}
    shown = trail()
    assert [(entry["kind"], entry["text"], entry.get("data")) for entry in shown] == [
        ("cache", "set basket:17", None),
        ("cache", "get basket:17", {"hit": True}),
        ("cache", "get basket:18", {"hit": False}),
        ("cache", "get_many basket:17, basket:18", {"hits": 1}),
    ]
    assert all(entry["ms"] >= 0 for entry in shown)
    assert "mug" not in repr(shown)


def test_async_calls_and_other_caches(cache: Any) -> None:
    async def use() -> None:
        await caches["sessions"].aset("a", 1)

    async_to_sync(use)()
    assert [(entry["text"], entry["data"]) for entry in trail()] == [("set a", {"cache": "sessions"})]


def test_session_keys_are_no_keys_to_show(cache: Any) -> None:
    cache.get("django.contrib.sessions.cache" + "a1" * 16)
    assert trail()[0]["text"] == "get django.contrib.sessions.cache[redacted]"


def test_call_that_fails_fails_for_its_caller(cache: Any) -> None:
    with pytest.raises(ValueError, match="missing"):
        cache.incr("missing")
    assert [entry["text"] for entry in trail()] == ["incr missing"]


def test_iterator_of_keys_is_left_to_the_call(cache: Any) -> None:
    cache.set("a", 1)
    assert cache.get_many(iter(["a"])) == {"a": 1}


def test_nothing_is_noted_where_nobody_asks(cache: Any) -> None:
    with override_monitoring(ERRORS={"TRAIL": []}):
        cache.get("a")
    context.observation.set(None)
    cache.get("b")
    context.observation.set(context.Observation())
    assert trail() == []
