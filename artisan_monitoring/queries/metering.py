"""What the wrapper around each query costs, for the requests in which monitoring measures itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Any

from django.db import connections

from ..core.guard import guarded
from ..core.spending import CLOCK_S, Account, running
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
    lists: list[list[Any]] = []
    with guarded("queries.meter"):
        for connection in connections.all(initialized_only=True):
            wrappers, ours = connection.execute_wrappers, wrapper_of(connection)
            if ours in wrappers:
                at = wrappers.index(ours)
                wrappers[at : at + 1] = [meter.outer, ours, meter.inner]
                lists.append(wrappers)
    try:
        yield
    finally:
        for wrappers in lists:
            for each in (meter.outer, meter.inner):
                if each in wrappers:
                    wrappers.remove(each)


class _Meter:
    """Two execute wrappers, around the recorder's and inside it: what the outer sees more than the inner is its own.

    Processor time, as everywhere: by the wall clock, what a busy machine takes from us would be ours.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._inner_s = 0.0

    def outer(self, execute: Execute, sql: Any, params: Any, many: bool, details: dict[str, Any]) -> Any:
        """Charge what this and the inner one do not have in common."""
        token, self._inner_s, began = running.set(None), 0.0, thread_time()
        try:
            return execute(sql, params, many, details)
        finally:
            # The clock is read twice between the two.
            self._account.spent_s += max(0.0, thread_time() - began - self._inner_s - 2 * CLOCK_S)
            running.reset(token)

    def inner(self, execute: Execute, sql: Any, params: Any, many: bool, details: dict[str, Any]) -> Any:
        """Take the query's own time."""
        began = thread_time()
        try:
            return execute(sql, params, many, details)
        finally:
            self._inner_s = thread_time() - began
