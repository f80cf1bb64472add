"""The JSON of /health/metrics: its fixed shape, from cells that are known, and from requests that were recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.health import metrics_json
from artisan_monitoring.metrics.queries import Answered

TOKEN = "a-token-that-is-long-enough"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}


def cell(*seconds):
    made = Cell()
    for each in seconds:
        made.observe(each, SECONDS_BOUNDS)
    return made


def test_shape_and_sums():
    slots = {
        60: Answered(cell(0.010, 0.020, 0.100, 0.070), 2),
        180: Answered(cell(0.030)),
        0: Answered(cell(9.0), 1),  # before the window
    }
    document = metrics_json.shape(slots, [60.0, 120.0, 180.0])
    times = document["metrics"]["response_times"]
    assert [each["timestamp"] for each in times] == ["1970-01-01T00:01:00+00:00", "1970-01-01T00:03:00+00:00"]
    assert times[0]["avg"] == 50.0
    assert times[0]["max"] == 100.0
    assert times[0]["p50"] == pytest.approx(20, rel=0.02)
    assert times[0]["p99"] == pytest.approx(100, rel=0.02)
    assert document["metrics"]["error_rates"] == [
        {"timestamp": "1970-01-01T00:01:00+00:00", "rate": 0.5},
        {"timestamp": "1970-01-01T00:03:00+00:00", "rate": 0.0},
    ]
    assert [each["count"] for each in document["metrics"]["request_counts"]] == [4, 0, 1]
    assert document["summary"] == {"total_errors": 2, "avg_response_time": 46.0, "total_requests": 5}


def test_without_requests_there_is_nothing_to_average():
    document = metrics_json.shape({}, [0.0, 60.0])
    assert document["summary"] == {"total_errors": 0, "avg_response_time": 0.0, "total_requests": 0}
    assert document["metrics"]["response_times"] == []


@pytest.mark.parametrize("window", metrics_json.WINDOWS)
def test_windows_have_sixty_points_or_fewer_of_whole_slots(window):
    length_s, step_s = metrics_json.WINDOWS[window]
    assert length_s / step_s <= 60
    assert length_s % step_s == 0
    assert step_s % (60 if length_s <= 86_400 else 600) == 0


pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def recorded(configure):
    """Requests recorded and flushed into the store, through the whole river."""
    from artisan_monitoring.metrics.collector import metrics_collector
    from artisan_monitoring.pipeline.buffer import buffer
    from artisan_monitoring.testing import flush_monitoring

    configure(top={"IN_TESTS": True, "DATABASE": "monitoring", "HOUSEKEEPING": "off"}, TOKENS=[TOKEN])
    buffer.swap()  # the requests of other tests
    for status, seconds in (("200", 0.010), ("200", 0.030), ("500", 0.080)):
        tags = {"http.request.method": "GET", "http.route": "shop/", "http.response.status_code": status}
        metrics_collector.observe("http.server.request.duration", seconds, "s", tags)
    flush_monitoring()


def test_recorded_requests_are_in_it(client, recorded):
    before = datetime.now(UTC)
    response = client.get("/health/metrics", **BEARER)
    document = json.loads(response.content)
    assert response["Content-Type"] == "application/json"
    assert set(document) == {"metrics", "recent_errors", "summary"}
    assert document["summary"] == {"total_errors": 1, "avg_response_time": 40.0, "total_requests": 3}
    (times,) = document["metrics"]["response_times"]
    assert set(times) == {"timestamp", "avg", "p50", "p95", "p99", "max"}
    assert times["max"] == 80.0
    assert abs((datetime.fromisoformat(times["timestamp"]) - before).total_seconds()) < 120
    assert len(document["metrics"]["request_counts"]) <= 60


@pytest.mark.parametrize("window", ["1h", "6h", "24h", "7d"])
def test_every_window_finds_them(client, recorded, window):
    document = json.loads(client.get(f"/health/metrics?window={window}", **BEARER).content)
    assert document["summary"]["total_requests"] == 3
    assert len(document["metrics"]["request_counts"]) <= 60


@pytest.mark.parametrize("window", ["", "1", "1H", "2h", "-1h", "\x00", "1h&window=9y", "x" * 10_000])
def test_another_window_is_refused_clearly(client, configure, window):
    configure(TOKENS=[TOKEN])
    response = client.get("/health/metrics", {"window": window}, **BEARER)
    assert response.status_code == 400
    assert json.loads(response.content) == {"error": "window must be one of 1h, 6h, 24h, 7d"}


def test_a_store_that_is_away_is_said_so(client, configure):
    store = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    configure(top={"IN_TESTS": True, "STORE": store, "HOUSEKEEPING": "off"}, TOKENS=[TOKEN])
    response = client.get("/health/metrics", **BEARER)
    assert (response.status_code, json.loads(response.content)) == (503, {"error": "the store cannot be read now"})
