"""What the wrapper around each query costs, for the requests in which monitoring measures itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from ..core import context
from ..core.spending import Account, running
from .recorder import Execute, wrapper_of


@contextmanager
def metered(account: Account | None) -> Iterator[None]:
    """Charge to an account, inside the block, what the wrapper of this thread's connections takes beside the query.

    So a query that nobody measures is spared even the question. A connection opened inside is not metered.
    """
    if account is None:
        yield
        return
    meter = _Meter(account)
    wrapped = []
    for connection in connections.all(initialized_only=True):
        wrappers, ours = connection.execute_wrappers, wrapper_of(connection)
        if ours in wrappers:
            wrappers.insert(wrappers.index(ours), meter)
            wrapped.append(connection)
    try:
        yield
    finally:
        for connection in wrapped:
            if meter in connection.execute_wrappers:
                connection.execute_wrappers.remove(meter)


class _Meter:
    """An execute wrapper: what is spent around a query and is not the query's own time is the recorder's."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, execute: Execute, sql: Any, params: Any, many: bool, details: dict[str, Any]) -> Any:
        observation = context.observation.get()
        if observation is None:
            return execute(sql, params, many, details)
        token, queried_s, began = running.set(None), observation.query_time_s, time.perf_counter()
        try:
            return execute(sql, params, many, details)
        finally:
            took_s = time.perf_counter() - began
            self._account.spent_s += max(0.0, took_s - (observation.query_time_s - queried_s))
            running.reset(token)
