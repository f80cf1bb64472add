"""`metrics_collector`: how a project records its own metrics, with and without `await`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from django.conf import settings

from ..conf import get_settings, redactor
from ..core import context
from ..core.awaited import DONE, Done
from ..core.series import COMBINES, KINDS, MAX_NAME_CHARS, Combine, Kind
from ..exceptions import InvalidMetric
from ..pipeline.buffer import buffer
from .handles import LARGEST, Handle

F = TypeVar("F", bound=Callable[..., Any])

MAX_UNIT_CHARS = 32
MAX_EXEMPLAR_CHARS = 512

_UNITS_IN_SECONDS = {"ms": 0.001, "milliseconds": 0.001, "seconds": 1.0, "s": 1.0, "us": 1e-6, "ns": 1e-9}
"""Durations are seconds inside; these spellings of a unit are converted."""


class MetricsCollector:
    """Records metrics of this process. Nothing here blocks, and nothing raises in production.

    A value that is not a finite number, or a name, unit or kind that cannot be, raises `InvalidMetric` with `DEBUG` or
    `STRICT`, and is counted as rejected otherwise.
    """

    def __init__(self) -> None:
        self._handles: dict[tuple[str, str, str | None, str], tuple[Handle, float]] = {}

    def record_metric(
        self,
        name: str,
        value: float,
        unit: str = "count",
        tags: Mapping[str, str] | None = None,
        *,
        kind: Kind | None = None,
        combine: Combine = "max",
        metadata: Mapping[str, Any] | None = None,
    ) -> Done[None]:
        """Record a value.

        `unit="count"` makes a counter, any other unit a distribution, unless `kind` says otherwise. Units of time are
        kept as seconds. `metadata` becomes an exemplar of a distribution: redacted, at most 512 characters, never a
        tag. `combine` says how a gauge's processes make one value: `sum`, `max`, `min` or `last`.
        """
        try:
            handle, scale = self._handles[name, unit, kind, combine]
        except (KeyError, TypeError):
            found = self._prepare(name, unit, kind, combine)
            if found is None:
                return DONE
            handle, scale = found
        try:
            # One comparison refuses NaN, the infinities, negatives and what is not a number.
            if 0 <= value <= LARGEST or (handle.kind == "gauge" and -LARGEST <= value <= LARGEST):
                pairs = tuple(tags.items()) if tags else ()
                if scale != 1.0:
                    value = value * scale
                if handle.kind == "counter":
                    handle.add(value, pairs)
                elif handle.kind == "distribution":
                    handle.observe(value, pairs, self._exemplar(metadata) if metadata else None)
                else:
                    handle.set(value, pairs)
                return DONE
        except InvalidMetric:
            raise
        except Exception as exc:
            return self._record_slowly(handle, scale, value, tags, exc)
        return _reject(f"metric {name!r}: value must be a finite number >= 0, not {value!r:.100}")

    def increment(self, name: str, value: float = 1, tags: Mapping[str, str] | None = None) -> Done[None]:
        """Add to a counter."""
        return self.record_metric(name, value, "count", tags, kind="counter")

    def gauge(
        self,
        name: str,
        value: float,
        tags: Mapping[str, str] | None = None,
        *,
        unit: str = "1",
        combine: Combine = "max",
    ) -> Done[None]:
        """Set a gauge to a value, which may be negative."""
        return self.record_metric(name, value, unit, tags, kind="gauge", combine=combine)

    def observe(
        self,
        name: str,
        value: float,
        unit: str = "1",
        tags: Mapping[str, str] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Done[None]:
        """Record a value of a distribution."""
        return self.record_metric(name, value, unit, tags, kind="distribution", metadata=metadata)

    def measure_time(self, name: str, tags: Mapping[str, str] | None = None) -> Timing:
        """Measure a block or a function, in seconds: `with`, `async with`, or `@measure_time(...)` on either kind.

        An exception is measured too, with the tag `error.type`.
        """
        return Timing(self, name, tags)

    def handle(
        self,
        name: str,
        *,
        unit: str = "count",
        kind: Literal["counter", "gauge", "distribution"] = "counter",
        combine: Combine = "max",
    ) -> Handle:
        """Return a prepared metric for a hot path: its calls take a tuple of tags and check next to nothing."""
        return Handle(name, unit, kind, combine)

    def _prepare(self, name: object, unit: object, kind: object, combine: object) -> tuple[Handle, float] | None:
        problem = _problem(name, unit, kind, combine)
        if problem:
            _reject(problem)
            return None
        chosen = cast("Kind", kind or ("counter" if unit == "count" else "distribution"))
        scale = _UNITS_IN_SECONDS.get(str(unit), 1.0) if chosen == "distribution" else 1.0
        kept_unit = "s" if chosen == "distribution" and unit in _UNITS_IN_SECONDS else str(unit)
        handle = Handle(str(name), kept_unit, chosen, cast("Combine", combine))
        try:
            known = buffer.metric(handle.name, chosen, kept_unit, handle.combine)
        except ValueError as exc:
            _reject(str(exc))
            return None
        if known is None:
            buffer.dropped["metrics.names"] += 1
            return None
        self._handles[str(name), str(unit), cast("str | None", kind), str(combine)] = (handle, scale)
        return handle, scale

    def _record_slowly(
        self, handle: Handle, scale: float, value: object, tags: object, problem: Exception
    ) -> Done[None]:
        """Take what the fast way stumbled over: tags that are not strings, numbers of other types."""
        try:
            number = float(value) * scale  # type: ignore[arg-type]  # a value that cannot be is refused right here
            pairs = tuple((str(key), str(each)) for key, each in dict(tags or {}).items())  # type: ignore[call-overload]
        except Exception:
            return _reject(f"metric {handle.name!r}: {type(problem).__name__} with {value!r:.100} and {tags!r:.200}")
        if not (-LARGEST <= number <= LARGEST) or (number < 0 and handle.kind != "gauge"):
            return _reject(f"metric {handle.name!r}: value must be a finite number >= 0, not {number!r}")
        if isinstance(value, str | bytes):
            return _reject(f"metric {handle.name!r}: value must be a number, not {value!r:.100}")
        if handle.kind == "counter":
            handle.add(number, pairs)
        elif handle.kind == "distribution":
            handle.observe(number, pairs)
        else:
            handle.set(number, pairs)
        return DONE

    def _exemplar(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        """Return what leads from a value to its circumstances, redacted and cut to size."""
        exemplar = {key: value for key, value in context.current().items() if key in ("trace_id", "request_id")}
        room = MAX_EXEMPLAR_CHARS - sum(len(key) + len(value) for key, value in exemplar.items())
        cleaned = redactor().value(dict(metadata))
        for key, value in cleaned.items() if isinstance(cleaned, dict) else ():
            text = str(value)
            room -= len(key) + len(text)
            if room < 0:
                break
            exemplar[str(key)] = text
        return exemplar


class Timing:
    """A measurement of time; one instance may be used again, and nested, and by several tasks at once."""

    __slots__ = ("_collector", "_name", "_started", "_tags")

    def __init__(self, collector: MetricsCollector, name: str, tags: Mapping[str, str] | None) -> None:
        self._collector = collector
        self._name = name
        self._tags = tags
        self._started: list[float] = []

    def __enter__(self) -> Timing:
        self._started.append(time.perf_counter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        elapsed = time.perf_counter() - self._started.pop()
        tags = self._tags
        if kind is not None:
            tags = {**(tags or {}), "error.type": kind.__qualname__}
        self._collector.record_metric(self._name, elapsed, "s", tags, kind="distribution")

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


def _problem(name: object, unit: object, kind: object, combine: object) -> str:
    """Say what is wrong with a metric's definition; empty where nothing is."""
    if not isinstance(name, str) or not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        return f"metric name must be 1 to {MAX_NAME_CHARS} printable characters, not {name!r:.100}"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return f"metric name {name!r:.100} holds a lone surrogate"
    if not isinstance(unit, str) or not unit.isprintable() or len(unit) > MAX_UNIT_CHARS:
        return f"metric {name!r}: unit must be at most {MAX_UNIT_CHARS} printable characters, not {unit!r:.100}"
    if kind is not None and kind not in KINDS:
        return f"metric {name!r}: kind must be one of {', '.join(KINDS)}, not {kind!r:.100}"
    if combine not in COMBINES:
        return f"metric {name!r}: combine must be one of {', '.join(COMBINES)}, not {combine!r:.100}"
    return ""


def _reject(message: str) -> Done[None]:
    """Raise to a developer; count in production."""
    buffer.dropped["metrics.rejected"] += 1
    if settings.DEBUG or get_settings().STRICT:
        raise InvalidMetric(message)
    return DONE


metrics_collector = MetricsCollector()
