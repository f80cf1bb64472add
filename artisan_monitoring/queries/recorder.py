"""The wrapper around each query of a connection: counts it for the request it belongs to, times it, sees slow ones.

It is installed once per connection object and stays; each thread has its own connections, opened whenever it first
needs one, so Django's `connection_created` signal is what finds them all. What it looks at is the observation in the
context, which `sync_to_async` carries into its threads: so the queries of an async view are counted for it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, ref

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import get_settings, on_settings_change
from ..core import context
from ..core.guard import never_raises
from ..core.series import Tags
from ..core.trail import QUERY, Trail
from ..metrics.collector import metrics_collector
from .statements import OTHER, operation_of

Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]
Wrapper = Callable[[Execute, Any, Any, bool, dict[str, Any]], Any]

# OpenTelemetry's `db.system.name` where it differs from Django's vendor.
SYSTEM_NAMES = {"oracle": "oracle.db", "microsoft": "microsoft.sql_server"}
# Statements begin in a few ways; raw SQL with odd beginnings must not fill the table.
MAX_BEGINNINGS = 64
# What a trail may keep of a statement: a bulk insert's text may be megabytes.
LONGEST_KEPT = 4_000

_duration = metrics_collector.handle("db.client.operation.duration", unit="s", kind="distribution")
_installed: WeakKeyDictionary[BaseDatabaseWrapper, ref[Wrapper]] = WeakKeyDictionary()
"""The wrapper by a reference too: it holds the connection."""
_enabled = False
_slow_s = 0.1
_on_trail = True


def enable() -> None:
    """Measure queries from now on: called by what makes observations (the middleware). Idempotent."""
    global _enabled
    _enabled = True
    for connection in connections.all(initialized_only=True):
        install(connection)


@never_raises("queries.install")
def install(connection: BaseDatabaseWrapper) -> None:
    """Put the wrapper around the queries of this connection object, once; our own connections are not measured."""
    if connection not in _installed and not getattr(connection, "artisan_own", False):
        # First in the list, never last: `with connection.execute_wrapper(...)` takes the last one off at its end, and a
        # connection may be opened inside such a block.
        wrapper = recorder_for(connection)
        connection.execute_wrappers.insert(0, wrapper)
        _installed[connection] = ref(wrapper)


def wrapper_of(connection: BaseDatabaseWrapper) -> Wrapper | None:
    """Return the wrapper that was put around the queries of a connection object."""
    found = _installed.get(connection)
    return found() if found is not None else None


def on_connection_created(*, connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Receive Django's signal of that name, which comes at each reconnect too."""
    install(connection)


def recorder_for(connection: BaseDatabaseWrapper) -> Wrapper:
    """Return an execute wrapper that accounts each query to the observation of the running context.

    A closure over a table from the first six characters to finished tags: one dictionary look-up a query where the
    upper-cased first word costs 0.5 us.
    """
    tags_of: dict[str, Tags] = {}
    alias, system = connection.alias, SYSTEM_NAMES.get(connection.vendor, connection.vendor)
    current, clock, observe = context.observation.get, time.perf_counter, _duration.observe

    def record_query(execute: Execute, sql: Any, params: Any, many: bool, details: dict[str, Any]) -> Any:
        observation = current()
        if observation is None or not _enabled:
            return execute(sql, params, many, details)
        started = clock()
        try:
            result = execute(sql, params, many, details)
        except BaseException as exc:
            _record_failure(observation, started, sql, alias, system, exc)
            raise
        duration = clock() - started
        # No call between load and store: under the GIL no thread of the same request comes between.
        observation.query_count += 1
        observation.query_time_s += duration
        if _on_trail:
            trail = observation.trail
            if trail is not None and type(sql) is str and len(sql) <= LONGEST_KEPT:
                # 0.1 us. Never the parameters: they are data, under no name that could announce a secret.
                trail.calls.append((QUERY, started, duration, sql, alias))
            else:
                _leave_trail(observation, started, duration, sql, alias)
        try:
            observe(duration, tags_of[sql[:6]])
        except Exception:
            _record_new(sql, alias, system, duration, tags_of)
        if duration >= _slow_s:
            _tell_slow(sql, duration, alias, connection.vendor, system)
        return result

    return record_query


def _tell_slow(sql: object, duration_s: float, alias: str, vendor: str, system: str) -> None:
    from .slow import report_slow  # which reads stacks: 3 ms of each process' start

    report_slow(sql, duration_s, alias=alias, vendor=vendor, system=system)


@never_raises("queries.trail")
def _leave_trail(
    observation: context.Observation, started: float, duration_s: float, sql: object, alias: str, failed: str = ""
) -> None:
    if not _on_trail:
        return
    trail = observation.trail
    if trail is None:
        trail = observation.trail = Trail()
    # psycopg's Composed and bytes are rare, and not rendered for this.
    text = sql[:LONGEST_KEPT] if isinstance(sql, str) else f"<{type(sql).__name__}>"
    trail.calls.append((QUERY, started, duration_s, text, (alias, failed) if failed else alias))


def tags_for(alias: str, operation: str, system: str) -> Tags:
    """Return the sorted tags of one query's duration."""
    return (("db.namespace", alias), ("db.operation.name", operation), ("db.system.name", system))


@never_raises("queries.record")
def _record_new(sql: object, alias: str, system: str, duration_s: float, tags_of: dict[str, Tags]) -> None:
    """Record a query whose beginning is not in the table yet, and learn the beginning if it decides the operation."""
    text = sql if isinstance(sql, str) else ""  # psycopg's Composed and bytes are rare: not rendered for a tag
    operation = operation_of(text)
    tags = tags_for(alias, operation, system)
    beginning = text[:6]
    # "WITH a" and "SAVEPO" decide it; "/* a c" does not.
    if operation != OTHER and beginning.upper().startswith(operation[:6]) and len(tags_of) < MAX_BEGINNINGS:
        tags_of[beginning] = tags
    _duration.observe(duration_s, tags)


@never_raises("queries.record")
def _record_failure(
    observation: context.Observation, started: float, sql: object, alias: str, system: str, exc: BaseException
) -> None:
    duration_s = time.perf_counter() - started
    observation.query_count += 1
    observation.query_time_s += duration_s
    _leave_trail(observation, started, duration_s, sql, alias, type(exc).__name__)
    operation = operation_of(sql) if isinstance(sql, str) else OTHER
    _duration.observe(duration_s, (*tags_for(alias, operation, system), ("error.type", type(exc).__name__)))


@on_settings_change
def _bind() -> None:
    global _slow_s, _on_trail
    _on_trail = QUERY in get_settings().ERRORS.TRAIL
    slow_ms = get_settings().QUERIES.SLOW_MS
    _slow_s = slow_ms / 1000 if slow_ms > 0 else float("inf")
