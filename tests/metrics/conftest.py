"""For the tests of what is sampled: samplers that do not know of the test runner, and a clean slate."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from artisan_monitoring import conf
from artisan_monitoring.metrics import host, selfmetrics
from artisan_monitoring.testing import CapturedMetrics


@pytest.fixture
def sampled(captured_metrics: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> Iterator[CapturedMetrics]:
    """The metrics that samplers record during the test, which they otherwise would not under a test runner.

    Only the samplers are told so: the flusher's thread would take away what they record.
    """
    outside = SimpleNamespace(get_settings=conf.get_settings, in_tests=lambda: False)
    monkeypatch.setattr(host, "conf", outside)
    monkeypatch.setattr(selfmetrics, "conf", outside)
    monkeypatch.setattr(host, "SHORTEST_S", 0.0)
    return captured_metrics
