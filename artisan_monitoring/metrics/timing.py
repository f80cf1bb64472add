"""Measuring how long something takes: a block, a function, a coroutine."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from .collector import MetricsCollector

F = TypeVar("F", bound=Callable[..., Any])

_Open: TypeAlias = "tuple[Timing, float, _Open | None]"
_running: ContextVar[_Open | None] = ContextVar("artisan_timings", default=None)
"""The timings begun in this thread or task, innermost first: kept in an instance, two tasks would swap theirs."""


class Timing:
    """A measurement of time; one instance may be used again, and nested, and by several threads and tasks at once."""

    __slots__ = ("_begun", "_collector", "_name", "_tags")

    def __init__(self, collector: MetricsCollector, name: str, tags: Mapping[str, str] | None) -> None:
        self._collector = collector
        self._name = name
        self._tags = tags
        self._begun = 0.0

    def __enter__(self) -> Timing:
        self._begun = time.perf_counter()
        _running.set((self, self._begun, _running.get()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ended = time.perf_counter()
        running = _running.get()
        while running is not None and running[0] is not self:
            running = running[2]  # begun inside and never ended
        began = self._begun  # where it ends in another context than it began in, as a generator's may
        if running is not None:
            began = running[1]
            _running.set(running[2])
        tags = self._tags
        if kind is not None:
            tags = {**(tags or {}), "error.type": kind.__qualname__}
        self._collector.record_metric(self._name, ended - began, "s", tags, kind="distribution")

    async def __aenter__(self) -> Timing:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, exc, traceback)

    def __call__(self, function: F) -> F:
        collector, name, tags = self._collector, self._name, self._tags

        @functools.wraps(function)
        async def timed_async(*args: Any, **kwargs: Any) -> Any:
            with Timing(collector, name, tags):
                return await function(*args, **kwargs)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with Timing(collector, name, tags):
                return function(*args, **kwargs)

        return cast("F", timed_async if iscoroutinefunction(function) else timed)
