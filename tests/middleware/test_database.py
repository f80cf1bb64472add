"""Queries are counted for the request that made them: every kind of view, every connection, each query once."""

from __future__ import annotations

import logging

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections
from django.test import AsyncClient, Client, RequestFactory

from artisan_monitoring.core import context
from artisan_monitoring.core.context import Observation
from artisan_monitoring.middleware import DatabaseMonitoringMiddleware
from artisan_monitoring.queries import recorder
from artisan_monitoring.testing import capture_metrics, override_monitoring
from tests.middleware.query_views import run

pytestmark = [
    pytest.mark.django_db(databases=["default", "monitoring"]),
    pytest.mark.urls("tests.middleware.query_views"),
]

QUERIES = "artisan.db.queries"
DURATION = "db.client.operation.duration"


@pytest.fixture(params=["all", "alone"], autouse=True)
def middleware(request, settings):
    ours = "artisan_monitoring.middleware."
    names = ["MonitoringMiddleware", "DatabaseMonitoringMiddleware"][request.param == "alone" :]
    settings.MIDDLEWARE = [ours + name for name in names]
    yield
    assert context.observation.get() is None


@pytest.mark.parametrize(("view", "expected"), [("three", 3), ("none", 0), ("many", 2), ("late", 2), ("own", 1)])
def test_queries_of_a_request_are_counted(view, expected, monkeypatch):
    monkeypatch.setattr("artisan_monitoring.stores.connection._shares_with_host", lambda host: False)
    with capture_metrics() as metrics:
        assert Client().get(f"/{view}/7/").status_code == 200
    counted = metrics.cell(QUERIES, http__route=f"/{view}/<int:n>/", http__request__method="GET")
    assert (counted.count, counted.sum) == (1, expected)
    assert metrics.count(DURATION) == expected
    assert metrics.count("artisan.db.query_time", http__route=f"/{view}/<int:n>/") == (1 if expected else 0)


def test_each_operation_is_timed_with_its_database():
    with capture_metrics() as metrics:
        Client().get("/many/1/")
    tags = {"db__namespace": "default", "db__system__name": "sqlite"}
    assert metrics.count(DURATION, db__operation__name="INSERT", **tags) == 1
    assert metrics.count(DURATION, db__operation__name="CREATE", **tags) == 1
    assert metrics.sum("artisan.db.query_time") == pytest.approx(metrics.sum(DURATION))


def test_a_query_that_fails_is_counted_with_its_error():
    with capture_metrics() as metrics:
        assert Client().get("/failing/1/").content == b"caught"
    # The savepoint, its rollback and its release are queries too.
    assert metrics.sum(QUERIES) == metrics.count(DURATION) == 5
    assert metrics.count(DURATION, error__type="OperationalError", db__operation__name="SELECT") == 1
    assert metrics.count(DURATION, db__operation__name="SAVEPOINT") == 1
    assert metrics.count(DURATION, db__operation__name="ROLLBACK") == 1


def test_queries_of_a_stream_are_counted_to_its_end():
    with capture_metrics() as metrics:
        response = Client().get("/stream/1/")
        assert metrics.count(QUERIES) == 0
        assert b"".join(response.streaming_content) == b"row\n" * 4
        response.close()
    assert (metrics.count(QUERIES), metrics.sum(QUERIES)) == (1, 5)


def test_a_stream_that_is_left_early_is_recorded():
    with capture_metrics() as metrics:
        response = Client().get("/stream/1/")
        next(iter(response.streaming_content))
        response.close()
    assert (metrics.count(QUERIES), metrics.sum(QUERIES)) == (1, 2)


def test_two_streams_at_once_keep_their_queries_apart():
    with capture_metrics() as metrics:
        first, second = Client().get("/stream/1/"), Client().get("/stream/2/")
        a, b = iter(first.streaming_content), iter(second.streaming_content)
        for _ in range(4):
            next(a)
        next(b)
        first.close()
        assert metrics.sum(QUERIES) == 5
        second.close()
    assert metrics.sum(QUERIES) == 5 + 2


@pytest.mark.parametrize(("view", "expected"), [("asynchronous", 2), ("thread", 2), ("three", 3)])
def test_queries_of_a_request_under_asgi_are_counted(view, expected):
    with capture_metrics() as metrics:
        response = async_to_sync(AsyncClient().get)(f"/{view}/1/")
        assert response.status_code == 200
    counted = metrics.cell(QUERIES, http__route=f"/{view}/<int:n>/")
    assert (counted.count, counted.sum) == (1, expected)


def test_queries_of_an_async_stream_are_counted_to_its_end():
    async def read():
        response = await AsyncClient().get("/async_stream/1/")
        chunks = [chunk async for chunk in response.streaming_content]
        await sync_to_async(response.close)()
        return chunks

    with capture_metrics() as metrics:
        assert async_to_sync(read)() == [b"row\n"] * 3
    assert (metrics.count(QUERIES), metrics.sum(QUERIES)) == (1, 3)


def test_a_missing_page_is_one_series():
    with capture_metrics() as metrics:
        Client().get("/nowhere/")
        Client().get("/nor/here/")
    assert metrics.count(QUERIES, http__route="") == 2
    assert len(metrics.series(QUERIES)) == 1


def test_an_unknown_method_is_no_series_of_its_own():
    with capture_metrics() as metrics:
        Client().generic("BREW", "/none/1/")
        Client().generic("STEEP", "/none/1/")
    assert [dict(series.tags)["http.request.method"] for series in metrics.series(QUERIES)] == ["_OTHER"]


def test_queries_outside_a_request_are_not_measured():
    with capture_metrics() as metrics:
        run()
    assert DURATION not in metrics.names()


def test_switched_off_it_records_nothing():
    with override_monitoring(ENABLED=False), capture_metrics() as metrics:
        assert Client().get("/three/1/").content == b"ok"
    assert metrics.names() == set()


def test_a_cancelled_request_is_recorded():
    class Cancelled(BaseException):
        pass

    def get_response(request):
        run()
        raise Cancelled

    with capture_metrics() as metrics, pytest.raises(Cancelled):
        DatabaseMonitoringMiddleware(get_response)(RequestFactory().get("/"))
    assert metrics.sum(QUERIES) == 1


def test_a_slow_query_is_logged_with_its_line_and_no_value(caplog):
    with override_monitoring(QUERIES={"SLOW_MS": 20}), caplog.at_level(logging.WARNING), capture_metrics() as metrics:
        Client().get("/slow/1/")
    (record,) = [each for each in caplog.records if each.getMessage() == "Slow query"]
    assert record.statement == "SELECT sleep(?), ? AS secret"
    assert record.duration_ms >= 30
    assert record.operation == "SELECT"
    assert record.database == "default"
    assert record.caller.startswith("tests/middleware/query_views.py:")
    assert record.caller.endswith(" in slow")
    assert "hunter2" not in str(vars(record))
    assert "0.03" not in str({key: value for key, value in vars(record).items() if key == "statement"})
    assert metrics.sum("artisan.db.slow_queries", db__operation__name="SELECT") == 1


def test_fast_queries_are_not_logged(caplog):
    with caplog.at_level(logging.WARNING):
        Client().get("/three/1/")
    assert "Slow query" not in caplog.text


def test_slow_queries_fill_the_log_only_so_far(caplog):
    limits = {"SLOW_MS": 20, "SLOW_LOGS_PER_MINUTE": 0}
    with override_monitoring(QUERIES=limits), caplog.at_level(logging.WARNING), capture_metrics() as metrics:
        Client().get("/slow/1/")
    assert "Slow query" not in caplog.text
    assert metrics.sum("artisan.db.slow_queries") == 1


def test_zero_switches_slow_queries_off():
    with override_monitoring(QUERIES={"SLOW_MS": 0}), capture_metrics() as metrics:
        Client().get("/three/1/")
    assert metrics.count("artisan.db.slow_queries") == 0


def test_a_failure_of_ours_does_not_reach_the_host(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("ours")

    monkeypatch.setattr("artisan_monitoring.queries.slow.normalise", broken)
    monkeypatch.setattr("artisan_monitoring.middleware.database._find_series", broken)
    monkeypatch.setattr("artisan_monitoring.middleware.database._Known.series", {})
    with override_monitoring(QUERIES={"SLOW_MS": 1}):
        assert Client().get("/slow/1/").content == b"ok"


def test_the_wrapper_survives_a_foreign_one_around_the_opening():
    """`execute_wrapper` takes the last wrapper off: were ours the last, the host's would stay and ours would go."""
    calls = []

    def foreign(execute, sql, params, many, details):
        calls.append(sql)
        return execute(sql, params, many, details)

    fresh = connections.create_connection("default")
    observation = Observation()
    try:
        with fresh.execute_wrapper(foreign), fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
        context.observation.set(observation)
        recorder.enable()
        with fresh.cursor() as cursor:
            cursor.execute("SELECT 2")
    finally:
        context.observation.set(None)
        fresh.close()
    assert calls == ["SELECT 1"]
    assert observation.query_count == 1
    assert len(fresh.execute_wrappers) == 1


def test_reconnecting_wraps_once():
    fresh = connections.create_connection("default")
    for _ in range(3):
        fresh.ensure_connection()
        fresh.close()
    assert len(fresh.execute_wrappers) == 1


def test_raw_beginnings_do_not_fill_the_table():
    observation = Observation()
    context.observation.set(observation)
    try:
        with capture_metrics() as metrics:
            for n in range(200):
                run(f"/* {n} */ SELECT 1")
    finally:
        context.observation.set(None)
    assert metrics.count(DURATION, db__operation__name="SELECT") == 200
    assert observation.query_count == 200
