"""A database connection of our own, so that what we write is in no transaction of the host and measured by nobody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from ..conf import get_settings, in_tests
from ..exceptions import StoreUnavailable

SQLITE_TIMEOUT_S = 5
"""How long a writer waits for another: several times the longest transaction of ours."""

CONNECT_TIMEOUT_S = 3
CHECK_AFTER_IDLE_S = 30.0
"""A connection idle for this long is tried before use: firewalls and restarts cut idle ones."""

_NOT_OURS = ("pool", "isolation_level")
"""The host's pool must not be drained by us, and our locking is written for the default isolation."""

_local = threading.local()
_all: WeakSet[_Held] = WeakSet()
_inherited: list[object] = []


class _Held:
    """A private connection and the thread that holds it; closed when the thread ends."""

    def __init__(self, wrapper: BaseDatabaseWrapper, target: tuple[object, ...]) -> None:
        self.wrapper = wrapper
        self.target = target
        self.pid = os.getpid()
        self.used_at = time.monotonic()
        self.in_use = threading.Lock()
        self.unwanted = False
        """Somebody closed all connections while this one was in use."""

    def close(self) -> None:
        self.wrapper.close()

    def close_when_free(self) -> None:
        """Close from any thread: now, or when the block that uses it has ended.

        SQLite takes the whole process down where a connection is closed under a statement.
        """
        self.unwanted = True
        if self.in_use.acquire(blocking=False):
            try:
                self.wrapper.close()
                self.unwanted = False
            finally:
                self.in_use.release()

    def __del__(self) -> None:
        if os.getpid() != self.pid:
            # The parent still talks over this socket or file: it must not be closed here, not even by collection.
            _inherited.append(self.wrapper)
            return
        try:
            self.wrapper.close()
        except Exception:  # noqa: S110  # the thread is ending, and there is nobody left to tell
            pass


@contextmanager
def own_connection(alias: str) -> Iterator[BaseDatabaseWrapper]:
    """Make `connections[alias]` a private connection of this thread for the time of the block.

    ORM code inside runs outside the host's transaction and pool. The connection has the attribute `artisan_own`.
    Blocks nest. After a database error the connection is dropped, and the next block makes a new one. Under a test
    runner (without `IN_TESTS`) and for SQLite in memory it is the host's own, so that a test case's rollback works.
    """
    host = connections[alias]
    if getattr(host, "artisan_own", False) or _shares_with_host(host):
        yield host
        return
    held = _held(alias)
    # Whoever closes holds it for a moment; a generator of this thread that was left half read may hold it for long.
    entered = held.in_use.acquire(timeout=1)
    connections[alias] = held.wrapper
    try:
        yield held.wrapper
    except (DatabaseError, InterfaceError, StoreUnavailable):
        _drop(alias)
        raise
    finally:
        connections[alias] = host
        held.used_at = time.monotonic()
        if entered:
            held.in_use.release()
        if held.unwanted:
            held.close_when_free()


def close_own_connections() -> None:
    """Close every private connection of this process; one in use by another thread when that has done with it."""
    for held in list(_all):
        held.close_when_free()


def _shares_with_host(host: BaseDatabaseWrapper) -> bool:
    if in_tests() and not get_settings().IN_TESTS:
        return True
    return host.vendor == "sqlite" and _in_memory(str(host.settings_dict["NAME"]))


def _in_memory(name: str) -> bool:
    return name == ":memory:" or "mode=memory" in name


def _held(alias: str) -> _Held:
    mine: dict[str, _Held] = _local.__dict__.setdefault("held", {})
    settings = connections.settings[alias]
    target = tuple(settings[key] for key in ("ENGINE", "NAME", "HOST", "PORT", "USER"))
    held = mine.get(alias)
    if held is None or held.target != target:
        held = mine[alias] = _Held(_connect(alias, settings), target)
        _all.add(held)
    elif time.monotonic() - held.used_at > CHECK_AFTER_IDLE_S:
        # What Django does between two requests: the next statement tries the connection first.
        vars(held.wrapper)["health_check_done"] = False
    return held


def _drop(alias: str) -> None:
    held = _local.held.pop(alias, None)
    if held is not None:
        try:
            held.close()
        except DatabaseError:
            # It is gone already; the error that brought us here is the one to tell.
            pass


def _connect(alias: str, settings: dict[str, Any]) -> BaseDatabaseWrapper:
    options = {key: value for key, value in settings["OPTIONS"].items() if key not in _NOT_OURS}
    backend = _own_backend(settings["ENGINE"])
    if backend.vendor == "sqlite":
        # A transaction that reads and then writes must take the write lock first, or SQLite refuses it at once.
        options["transaction_mode"] = "IMMEDIATE"
        # Nor longer, where a visitor of the host may wait for longer: we come again, and must not hold up an exit.
        options["timeout"] = min(SQLITE_TIMEOUT_S, options.get("timeout", SQLITE_TIMEOUT_S))
    elif backend.vendor in ("postgresql", "mysql"):
        options.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    own = {
        **settings,
        "OPTIONS": options,
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    wrapper = backend(own, alias)
    # Only this thread uses it, but another may close it at shutdown.
    wrapper.inc_thread_sharing()
    if backend.vendor == "sqlite" and not _is_shared_file(alias, settings):
        _write_ahead(wrapper)
    return wrapper


def _is_shared_file(alias: str, settings: dict[str, Any]) -> bool:
    """Say whether the host has tables in this SQLite file: then how it keeps its journal is the host's choice."""
    others = [each["NAME"] for other, each in connections.settings.items() if other != alias]
    return alias == DEFAULT_DB_ALIAS or settings["NAME"] in others


def _write_ahead(wrapper: BaseDatabaseWrapper) -> None:
    """Keep a write-ahead log, so that pages that read and the drain that writes do not wait for each other."""
    try:
        with wrapper.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
    except DatabaseError:
        # Read-only or locked for now: what is to be done with it says so itself.
        wrapper.close()


@cache
def _own_backend(engine: str) -> type[BaseDatabaseWrapper]:
    """Return the backend's connection class without the query log: with DEBUG it would keep 9,000 batches in memory."""
    base = load_backend(engine).DatabaseWrapper
    return type("OwnDatabaseWrapper", (base,), {"artisan_own": True, "queries_logged": False})


def _after_fork() -> None:
    _inherited.extend(_local.__dict__.pop("held", {}).values())
    _all.clear()


os.register_at_fork(after_in_child=_after_fork)
