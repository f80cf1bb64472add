"""A connection of our own: outside the host's transaction, measured by nobody, never shared with another process."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.test import override_settings

from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.models import StoredNote
from artisan_monitoring.stores import connection as module
from artisan_monitoring.stores.connection import close_own_connections, own_connection
from artisan_monitoring.stores.database import DatabaseStore
from tests.stores.backends import empty_tables
from tests.stores.conftest import postgres_alias, sqlite_alias  # noqa: F401  # fixtures

LIMIT = 10**6
ROOT = Path(__file__).parents[3]

on_postgres = pytest.mark.parametrize("alias", ["postgres_alias"], indirect=True)


@pytest.fixture(params=["sqlite_alias", "postgres_alias"])
def alias(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[str]:
    name: str = request.getfixturevalue(request.param)
    with (
        django_db_blocker.unblock(),
        override_settings(ARTISAN_MONITORING={"DATABASE": name, "IN_TESTS": True}),
    ):
        empty_tables(name)
        yield name
        close_own_connections()
        connections[name].close()


@on_postgres  # on SQLite the host's open transaction locks the file: that is what a file of our own is for
def test_what_is_stored_survives_the_rollback_of_the_host(alias: str) -> None:
    store = DatabaseStore()
    with transaction.atomic(using=alias):
        StoredNote.objects.using(alias).create(kind="host", name="x", value="{}", written_at=0, expires_at=2**40)
        store.append(0, "web", 1, b"x", limit_bytes=LIMIT)
        transaction.set_rollback(True, using=alias)
    assert len(store.entries(0, 0, limit_bytes=LIMIT)) == 1
    assert store.notes("host") == {}


def test_the_host_has_its_connection_back_whatever_happens(alias: str) -> None:
    host = connections[alias]
    with own_connection(alias) as mine:
        assert connections[alias] is mine is not host
        assert mine.artisan_own
        with own_connection(alias) as nested:
            assert nested is mine
    assert connections[alias] is host
    with pytest.raises(KeyError), own_connection(alias):
        raise KeyError
    with pytest.raises(OperationalError), own_connection(alias):
        raise OperationalError
    assert connections[alias] is host
    assert not getattr(host, "artisan_own", False)


def test_a_connection_that_failed_is_not_used_again(alias: str) -> None:
    with own_connection(alias) as first:
        pass
    with own_connection(alias) as second:
        assert second is first
    for error in (OperationalError, StoreUnavailable):
        with own_connection(alias) as before:
            pass
        with pytest.raises(error), own_connection(alias):
            raise error
        with own_connection(alias) as after:
            assert after is not before


def test_wrappers_and_settings_of_the_host_stay_with_the_host(alias: str) -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    store = DatabaseStore()
    connections.settings[alias]["ATOMIC_REQUESTS"] = True
    try:
        with connections[alias].execute_wrapper(watch), override_settings(DEBUG=True):
            store.now()
            with own_connection(alias) as mine:
                assert mine.settings_dict["ATOMIC_REQUESTS"] is False
                assert mine.settings_dict["CONN_MAX_AGE"] is None
                assert len(mine.queries_log) == 0, "with DEBUG the log of queries would keep 9,000 batches"
    finally:
        connections.settings[alias]["ATOMIC_REQUESTS"] = False
    assert seen == []


def test_each_thread_has_its_own_and_closes_it_when_it_ends(alias: str) -> None:
    store, opened = DatabaseStore(), []

    def work() -> None:
        store.append(0, threading.current_thread().name, 1, b"x", limit_bytes=LIMIT)
        with own_connection(alias) as mine:
            opened.append(mine)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert len({id(each) for each in opened}) == 3
    assert all(each.connection is None for each in opened)


def test_closing_all_waits_for_the_statement_that_another_thread_runs(alias: str) -> None:
    stop = threading.Event()
    finished: list[int] = []

    def work() -> None:
        while not stop.is_set():
            with own_connection(alias) as connection, connection.cursor() as cursor:
                for _ in range(20):
                    cursor.execute("SELECT COUNT(*) FROM artisan_monitoring_inboxstate")
                    cursor.fetchall()
            finished.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):  # SQLite crashed at once
        close_own_connections()
        time.sleep(0.001)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert len(finished) > 3
    with own_connection(alias) as mine:
        mine.ensure_connection()
        close_own_connections()
        assert mine.connection is not None
    assert mine.connection is None


@on_postgres
def test_a_connection_that_was_cut_while_idle_is_noticed(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DatabaseStore()
    store.now()
    with own_connection(alias) as mine:
        process = mine.connection.info.backend_pid
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    monkeypatch.setattr(module, "CHECK_AFTER_IDLE_S", -1.0)
    assert store.now() > 0


@on_postgres
def test_a_cut_connection_is_one_passing_fault(alias: str) -> None:
    store = DatabaseStore()
    with own_connection(alias) as mine:
        mine.ensure_connection()
        process = mine.connection.info.backend_pid
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    with pytest.raises(StoreUnavailable):
        store.append(0, "web", 1, b"x", limit_bytes=LIMIT)
    assert not store.append(0, "web", 1, b"x", limit_bytes=LIMIT).duplicate


def test_the_pool_and_isolation_of_the_host_are_not_used(postgres_alias: str, django_db_blocker: Any) -> None:  # noqa: F811
    from psycopg import IsolationLevel

    options = {"pool": True, "isolation_level": IsolationLevel.SERIALIZABLE, "application_name": "shop"}
    connections.settings["pooled"] = {**connections.settings[postgres_alias], "OPTIONS": options}
    try:
        with (
            django_db_blocker.unblock(),
            override_settings(ARTISAN_MONITORING={"DATABASE": "pooled", "IN_TESTS": True}),
            own_connection("pooled") as mine,
        ):
            assert set(mine.settings_dict["OPTIONS"]) == {"application_name", "connect_timeout"}
            assert DatabaseStore().now() > 0
    finally:
        close_own_connections()
        del connections.settings["pooled"]


def test_in_a_test_run_it_is_the_connection_of_the_host(sqlite_alias: str) -> None:  # noqa: F811
    host = connections[sqlite_alias]
    with override_settings(ARTISAN_MONITORING={"DATABASE": sqlite_alias}), own_connection(sqlite_alias) as mine:
        assert mine is host


def test_a_database_in_memory_has_one_connection() -> None:
    connections.settings["memory"] = {**connections.settings["default"], "NAME": ":memory:"}
    try:
        with override_settings(ARTISAN_MONITORING={"IN_TESTS": True}), own_connection("memory") as mine:
            assert mine is connections["memory"]
    finally:
        del connections.settings["memory"]
        del connections["memory"]


def test_a_forked_child_leaves_the_connection_of_its_parent_alone(alias: str) -> None:
    code = """
import json, os, sys
import django
from django.conf import settings
from django.db import connections
name, configured = sys.argv[1], json.loads(sys.argv[2])
settings.DATABASES[name] = connections.configure_settings({"default": {}, name: configured})[name]
settings.ARTISAN_MONITORING = {"DATABASE": name, "IN_TESTS": True}
django.setup()
from artisan_monitoring.stores.database import DatabaseStore
store = DatabaseStore()
store.append(0, "parent", 1, b"x", limit_bytes=1000)
children = []
for number in range(3):
    child = os.fork()
    if not child:
        try:
            for sequence in range(1, 20):
                store.append(0, f"child-{number}", sequence, b"y", limit_bytes=10**6)
            store.close()
            sys.exit(0)
        except BaseException as exc:
            os._exit(0 if isinstance(exc, SystemExit) else 1)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
for sequence in range(2, 20):
    store.append(0, "parent", sequence, b"x", limit_bytes=10**6)
assert len(store.entries(0, 0, limit_bytes=10**9)) == 19 * 4
store.close()
"""
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    configured = {name: connections.settings[alias][name] for name in names}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONWARNINGS": "error"}
    environment.pop("TESTS_DIR", None)
    ran = subprocess.run(
        [sys.executable, "-c", code, alias, json.dumps(configured, default=str)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_transactions_of_the_host_that_read_then_write_never_meet_ours(
    sqlite_alias: str,  # noqa: F811
    tmp_path: Any,
    django_db_blocker: Any,
) -> None:
    """The reason for a file of our own: in one file, SQLite refuses such a transaction at once while another writes."""
    connections.settings["host"] = {**connections.settings["default"], "NAME": str(tmp_path / "host.sqlite3")}
    stop, failures = threading.Event(), []

    def keep_flushing() -> None:
        store, sequence = DatabaseStore(), 0
        try:
            while not stop.is_set():
                sequence += 1
                store.append(0, "web", sequence, b"x" * 10_000, limit_bytes=10**9)
        except BaseException as exc:
            failures.append(exc)

    with (
        django_db_blocker.unblock(),
        override_settings(ARTISAN_MONITORING={"DATABASE": sqlite_alias, "IN_TESTS": True}),
    ):
        empty_tables(sqlite_alias)
        host = connections["host"]
        with host.cursor() as cursor:
            cursor.execute("CREATE TABLE stock (n INTEGER)")
            cursor.execute("INSERT INTO stock VALUES (0)")
        thread = threading.Thread(target=keep_flushing)
        thread.start()
        for _ in range(100):
            with transaction.atomic(using="host"), host.cursor() as cursor:
                cursor.execute("SELECT n FROM stock")
                cursor.execute("UPDATE stock SET n = %s", [cursor.fetchone()[0] + 1])
        stop.set()
        thread.join()
        with host.cursor() as cursor:
            cursor.execute("SELECT n FROM stock")
            assert cursor.fetchone() == (100,)
        host.close()
        close_own_connections()
    assert failures == []
    del connections.settings["host"]
    del connections["host"]
