"""What a project's own tests use works in a test like theirs: on the fixtures that the package brings along."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from artisan_monitoring import AlertSeverity, error_tracker, metrics_collector
from artisan_monitoring.conf import get_settings
from artisan_monitoring.metrics import queries
from artisan_monitoring.models import ErrorGroup
from artisan_monitoring.pipeline.flusher import flusher


def test_captured_metrics_are_read_inside_and_after(captured_metrics: Any) -> None:
    metrics_collector.increment("orders", 2, {"channel": "web"})
    first = captured_metrics.sum("orders", channel="web")
    metrics_collector.increment("orders", 1, {"channel": "app"})

    assert (first, captured_metrics.sum("orders"), captured_metrics.count("orders")) == (2, 3, 2)
    assert captured_metrics.sum("orders", channel="post") == 0
    assert captured_metrics.names() == {"orders"}


def test_captured_errors_come_in_order(captured_errors: list[Any]) -> None:
    for kind in (ValueError, KeyError):
        error_tracker.track_error(kind("x"), AlertSeverity.LOW)

    assert [error.type for error in captured_errors] == ["ValueError", "KeyError"]


def test_settings_are_merged_and_given_back(override_monitoring: Any) -> None:
    before = get_settings()
    with override_monitoring(SERVICE="other", QUERIES={"SLOW_MS": 1}):
        assert (get_settings().SERVICE, get_settings().QUERIES.SLOW_MS) == ("other", 1)
        assert get_settings().DATABASE == before.DATABASE
    assert get_settings() == before


@pytest.mark.django_db(databases=["default", "monitoring"])
def test_flushing_makes_everything_visible(flush_monitoring: Callable[[], None]) -> None:
    metrics_collector.increment("orders")
    error_tracker.track_error(LookupError("seen"))

    flush_monitoring()

    now = time.time()
    assert queries.read("orders", now - 300, now + 60).total().sum == 1
    assert ErrorGroup.objects.filter(type="LookupError").count() == 1


def test_nothing_runs_in_the_background_of_a_test() -> None:
    metrics_collector.increment("orders")

    assert not flusher.running
