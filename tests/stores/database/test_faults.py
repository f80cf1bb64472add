"""Faults of a database: each passing one is told as such."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.models import InboxState, MetricBucket
from artisan_monitoring.stores import connection
from artisan_monitoring.stores.connection import close_own_connections, own_connection
from artisan_monitoring.stores.database import DatabaseStore
from tests.stores.backends import empty_tables
from tests.stores.build import added, commit, counter, delta, total
from tests.stores.conftest import postgres_alias, sqlite_alias  # noqa: F401  # fixtures

LIMIT = 10**6


@pytest.fixture
def alias(sqlite_alias: str, django_db_blocker: Any) -> Iterator[str]:  # noqa: F811
    with (
        django_db_blocker.unblock(),
        override_settings(ARTISAN_MONITORING={"DATABASE": sqlite_alias, "IN_TESTS": True}),
    ):
        empty_tables(sqlite_alias)
        yield sqlite_alias
        close_own_connections()


def use(name: str, django_db_blocker: Any) -> Any:
    return override_settings(ARTISAN_MONITORING={"DATABASE": name, "IN_TESTS": True})


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_missing_tables_are_a_passing_fault(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, django_db_blocker: Any
) -> None:
    if kind == "sqlite":
        own = {**connections.settings["default"], "NAME": str(tmp_path / "empty.sqlite3")}
    else:
        server = request.getfixturevalue("postgres")
        fresh = server.settings(server.create_database())
        own = connections.configure_settings({"default": {}, "empty": fresh})["empty"]
    connections.settings["empty"] = own
    try:
        with django_db_blocker.unblock(), use("empty", django_db_blocker):
            store = DatabaseStore()
            for call in (store.now, store.losses, lambda: store.append(0, "web", 1, b"x", limit_bytes=LIMIT)):
                with pytest.raises(StoreUnavailable):
                    call()
            close_own_connections()
    finally:
        del connections.settings["empty"]


def test_an_alias_that_is_not_there_is_a_passing_fault(django_db_blocker: Any) -> None:
    with use("nowhere", django_db_blocker), pytest.raises(StoreUnavailable):
        DatabaseStore().now()


def test_a_server_that_is_away_and_comes_back(postgres: Any, postgres_alias: str, django_db_blocker: Any) -> None:  # noqa: F811
    with django_db_blocker.unblock(), use(postgres_alias, django_db_blocker):
        empty_tables(postgres_alias)
        store = DatabaseStore()
        store.append(0, "web", 1, b"x", limit_bytes=LIMIT)
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    store.append(0, "web", 2, b"x", limit_bytes=LIMIT)
        finally:
            postgres.start()
        assert not store.append(0, "web", 2, b"x", limit_bytes=LIMIT).duplicate
        assert len(store.entries(0, 0, limit_bytes=LIMIT)) == 2
        close_own_connections()


def test_a_locked_file_is_a_passing_fault(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SQLITE_TIMEOUT_S", 0.2)
    close_own_connections()
    connection._local.__dict__.clear()
    store = DatabaseStore()
    store.append(0, "web", 1, b"x", limit_bytes=LIMIT)
    other = sqlite3.connect(connections.settings[alias]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.append(0, "web", 2, b"x", limit_bytes=LIMIT)
    other.execute("ROLLBACK")
    other.close()
    assert not store.append(0, "web", 2, b"x", limit_bytes=LIMIT).duplicate


def test_pages_read_while_the_drain_writes(alias: str) -> None:
    store = DatabaseStore()
    commit(store, delta(counter(), added(1)))
    writing, read = threading.Event(), threading.Event()

    def write() -> None:
        from django.db import transaction

        with own_connection(alias), transaction.atomic(using=alias):
            InboxState.objects.using(alias).update(commits=7)
            writing.set()
            assert read.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    assert writing.wait(10)
    assert total(store, counter()).sum == 1
    read.set()
    thread.join()


def test_a_read_only_file_is_a_passing_fault_and_can_be_read(
    alias: str, tmp_path: Path, django_db_blocker: Any
) -> None:
    store = DatabaseStore()
    store.append(0, "web", 1, b"x", limit_bytes=LIMIT)
    copy = tmp_path / "copy.sqlite3"
    with own_connection(alias) as mine, mine.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    copy.chmod(stat.S_IRUSR)
    own = connections.settings["default"]
    connections.settings["copy"] = {**own, "NAME": f"file:{copy}?mode=ro", "OPTIONS": {"uri": True}}
    try:
        with use("copy", django_db_blocker):
            assert len(store.entries(0, 0, limit_bytes=LIMIT)) == 1
            with pytest.raises(StoreUnavailable):
                store.append(0, "web", 2, b"x", limit_bytes=LIMIT)
            close_own_connections()
    finally:
        del connections.settings["copy"]


def test_the_state_alone_gone_takes_the_inbox_along(alias: str) -> None:
    store = DatabaseStore()
    epoch = store.append(0, "web", 1, b"x", limit_bytes=LIMIT).epoch
    with own_connection(alias):
        InboxState.objects.using(alias).all().delete()
    answer = store.append(0, "web", 2, b"y", limit_bytes=LIMIT)
    assert answer.epoch != epoch
    assert [entry.payload for entry in store.entries(0, 0, limit_bytes=LIMIT)] == [b"y"]


def test_a_cell_that_cannot_be_read_starts_anew_and_is_counted(alias: str) -> None:
    store = DatabaseStore()
    commit(store, delta(counter(), added(1)))
    with own_connection(alias):
        MetricBucket.objects.using(alias).update(cell=b"not a cell")
    assert list(store.buckets([counter().id], 0, 2**40)) == []
    commit(store, delta(counter(), added(2)))
    assert total(store, counter()).sum == 3
    assert store.losses() == {"unreadable_cell": 1}
