"""The wrapper around a connection's queries, on the drivers themselves."""

from __future__ import annotations

import gc
import sys
import threading

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as Postgres

from artisan_monitoring.core import context
from artisan_monitoring.core.context import Observation
from artisan_monitoring.queries import recorder
from artisan_monitoring.queries.slow import MinuteLimit, calling_line, sql_text
from artisan_monitoring.queries.statements import operation_of
from artisan_monitoring.testing import capture_metrics, override_monitoring

DURATION = "db.client.operation.duration"


class FakeConnection:
    """A connection that was never opened: only its names are read."""

    alias = "default"
    vendor = "sqlite"


@pytest.fixture
def observation():
    recorder.enable()
    made = Observation()
    context.observation.set(made)
    yield made
    context.observation.set(None)


def test_what_the_driver_returns_and_raises_passes_through(observation):
    wrapper = recorder.recorder_for(FakeConnection())
    assert wrapper(
        lambda sql, params, many, details: (sql, params, many, details), "SELECT 1", [2], True, {"a": 1}
    ) == (
        "SELECT 1",
        [2],
        True,
        {"a": 1},
    )

    def fail(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wrapper(fail, "SELECT 1", None, False, {})
    assert observation.query_count == 2


@pytest.mark.parametrize(
    "sql", [b"SELECT 1", None, 5, object(), "", "SAVE", "select 1", "SAVEPOINT x", "(SELECT 1)", "/**/ DELETE"]
)
def test_a_statement_of_any_kind_is_counted(observation, sql):
    wrapper = recorder.recorder_for(FakeConnection())
    with capture_metrics() as metrics:
        for _ in range(3):
            wrapper(lambda *args: None, sql, None, False, {})
    assert metrics.count(DURATION) == observation.query_count == 3
    operation = operation_of(sql) if isinstance(sql, str) else "OTHER"
    assert metrics.count(DURATION, db__operation__name=operation) == 3


def test_beginnings_are_learned_only_where_they_decide(observation):
    wrapper = recorder.recorder_for(FakeConnection())
    with capture_metrics() as metrics:
        for sql in (
            "/* a */ SELECT 1",
            "/* a */ UPDATE t",
            "-- a\nDELETE",
            "WITH a AS",
            "SET a",
            "SELECT",
            "INSERT INTO t",
        ):
            for _ in range(2):
                wrapper(lambda *args: None, sql, None, False, {})
    counts = {dict(series.tags)["db.operation.name"] for series in metrics.series(DURATION)}
    assert counts == {"SELECT", "UPDATE", "DELETE", "WITH", "SET", "INSERT"}
    assert metrics.count(DURATION, db__operation__name="SELECT") == 4
    assert metrics.count(DURATION, db__operation__name="UPDATE") == 2


@pytest.mark.django_db
def test_a_connection_of_another_thread_is_watched(observation):
    counted = []

    def work():
        context.observation.set(other := Observation())
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT 1")
        finally:
            connections["default"].close()
        counted.append(other.query_count)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert counted == [1]
    assert observation.query_count == 0


def test_the_statement_of_a_slow_query_is_rendered_but_never_its_values():
    from psycopg import sql

    made = sql.SQL("SELECT {} FROM {} WHERE a = {}").format(sql.Identifier("b"), sql.Identifier("t"), sql.Placeholder())
    assert sql_text(made) == 'SELECT "b" FROM "t" WHERE a = %s'
    assert sql_text(b"SELECT 1") == "SELECT 1"
    assert sql_text(None) == ""


def test_the_calling_line_is_the_first_of_the_project():
    def here():
        return calling_line(sys._getframe())

    line = here()
    assert line.startswith("tests/queries/test_recorder.py:")
    assert line.endswith("here")
    assert calling_line(None) == ""
    with override_monitoring(ERRORS={"IN_APP_EXCLUDE": (__name__, "tests")}):
        assert "test_recorder" not in here()


def test_so_many_a_minute_may_pass():
    limit = MinuteLimit()
    assert [limit.allows(2, now) for now in (0, 1, 2, 59, 60, 61, 62)] == [True, True, False, False, True, True, False]
    assert not limit.allows(0, 1000)


@pytest.mark.django_db
def test_postgres_is_measured_under_its_own_name(postgres, observation, caplog):
    from psycopg import sql

    settings = {**connections.settings["default"], **postgres.settings()}
    connection = Postgres(settings, "elsewhere")
    try:
        with override_monitoring(QUERIES={"SLOW_MS": 40}), capture_metrics() as metrics, connection.cursor() as cursor:
            cursor.execute("SELECT %s::text", ["hunter2"])
            cursor.execute(sql.SQL("SELECT {}").format(sql.Literal("hunter2")))
            cursor.execute("SELECT pg_sleep(%s), 'hunter2' WHERE 1 IN (1, 2, 3)", [0.05])
    finally:
        connection.close()
    tags = {"db__namespace": "elsewhere", "db__system__name": "postgresql"}
    assert metrics.count(DURATION, db__operation__name="SELECT", **tags) >= 2
    assert metrics.count(DURATION, **tags) == observation.query_count >= 3
    (record,) = [each for each in caplog.records if each.getMessage() == "Slow query"]
    assert record.statement == "SELECT pg_sleep(?), ? WHERE ? IN (?)"
    assert "hunter2" not in str(vars(record))


def test_a_connection_that_nobody_holds_any_more_is_given_up():
    found = []

    def in_a_thread():
        recorder.install(connections["default"])
        found.append(recorder.wrapper_of(connections["default"]) in connections["default"].execute_wrappers)

    gc.collect()
    before = len(recorder._installed)
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    gc.collect()
    assert found == [True]
    assert len(recorder._installed) <= before
