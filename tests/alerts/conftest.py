"""A recording host for the alert tests: numbers go through the real buffer, inbox and drain into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from artisan_monitoring.alerts import states
from artisan_monitoring.core.rules import Decision, Standing
from artisan_monitoring.metrics.collector import metrics_collector
from artisan_monitoring.models import Alert, AlertRule
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.drain import drain
from artisan_monitoring.pipeline.lifecycle import flush_now

NOW = 1_700_000_000.0

HOST = {
    **django_settings.ARTISAN_MONITORING,
    # In the thread of the test: no flusher, no housekeeper that would judge beside the test.
    "IN_TESTS": True,
    "FLUSH": "request_finished",
    "HOUSEKEEPING": "off",
    "SERVICE": "shop",
    "ENVIRONMENT": "production",
}


@pytest.fixture
def host(db: None, settings: Settings) -> Iterator[Settings]:
    """A host that records, in production, with no rules but the test's own."""
    settings.ARTISAN_MONITORING = HOST
    buffer.reset()
    AlertRule.objects.all().delete()
    yield settings
    buffer.reset()


@pytest.fixture
def errors(host: Settings) -> Callable[..., None]:
    """A function that counts errors: `errors(12, severity="HIGH")`."""

    def record(count: int, severity: str = "HIGH") -> None:
        metrics_collector.increment("artisan.errors", count, {"mechanism": "request", "severity": severity})
        assert flush_now()
        drain()

    return record


@pytest.fixture
def requests(host: Settings) -> Callable[..., None]:
    """A function that counts requests by status: `requests({200: 95, 500: 5})`."""

    def record(counts: dict[int, int]) -> None:
        for status, count in counts.items():
            for _ in range(count):
                tags = {"http.request.method": "GET", "http.response.status_code": str(status)}
                metrics_collector.record_metric("http.server.request.duration", 0.01, "s", tags)
        assert flush_now()
        drain()

    return record


def error_rule(**changes: object) -> AlertRule:
    """Make a rule: 10 errors of any severity within 5 minutes."""
    values = {"name": "Many errors", "kind": "error_count", "threshold": 10, "severity": "HIGH"}
    return AlertRule.objects.create(**(values | changes))


def use(host: Settings, **channels: dict[str, Any]) -> Settings:
    host.ARTISAN_MONITORING = {**HOST, "ALERTS": {"CHANNELS": channels}}
    return host


def fire(name: str = "Many errors", severity: str = "HIGH") -> Alert:
    rule = error_rule(name=name, severity=severity)
    why = "12 errors in 5 min; the rule says at least 10."
    alert = states.open_alert(rule, {}, Decision(Standing.FIRING, True, 12.0, 12.0, NOW, NOW, why))
    assert alert is not None
    return alert
