"""`metrics_collector`: how a project records its own metrics, with and without `await`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast

from django.conf import settings

from ..conf import get_settings, redactor
from ..core import context
from ..core.awaited import DONE, Done
from ..core.guard import guarded
from ..core.plain import broken
from ..core.registry import LiveSeries
from ..core.series import COMBINES, KINDS, MAX_NAME_CHARS, Combine, Kind
from ..exceptions import InvalidMetric
from ..pipeline.buffer import buffer
from .handles import LARGEST, Handle
from .timing import Timing

MAX_UNIT_CHARS = 32
MAX_EXEMPLAR_CHARS = 512

_UNITS_IN_SECONDS = {"ms": 0.001, "milliseconds": 0.001, "seconds": 1.0, "s": 1.0, "us": 1e-6, "ns": 1e-9}
"""Durations are seconds inside; these spellings of a unit are converted."""


_Prepared: TypeAlias = tuple[Handle, float, Callable[[LiveSeries, float], None]]
"""A metric that was recorded before: what its values are multiplied by, and where they go."""


class MetricsCollector:
    """Records metrics of this process. Nothing here blocks, and nothing raises in production.

    A value that is not a finite number, or a name, unit or kind that cannot be, raises `InvalidMetric` with `DEBUG` or
    `STRICT`, and is counted as rejected otherwise.
    """

    def __init__(self) -> None:
        self._handles: dict[tuple[str, str, str | None, str], _Prepared] = {}

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
        # The usual case in as few steps as there are: 1 us, of which a counter's buffering is 0.4.
        try:
            handle, scale, put = self._handles[name, unit, kind, combine]
            plain = (type(value) is float or type(value) is int) and 0 <= value <= LARGEST and metadata is None
            if plain:
                pairs = tuple(tags.items()) if tags else ()
                live = handle.series.get(pairs)
                if live is None or handle.generation != buffer.generation:
                    live = handle.live(pairs)
        except Exception:  # not seen before, not hashable, broken: the long way knows what to say
            plain = False
        if not plain:
            return self._record(name, value, unit, tags, kind, combine, metadata)
        if live is not None:
            put(live, value if scale == 1.0 else value * scale)
        return DONE

    def _record(
        self,
        name: str,
        value: float,
        unit: str,
        tags: Mapping[str, str] | None,
        kind: Kind | None,
        combine: Combine,
        metadata: Mapping[str, Any] | None,
    ) -> Done[None]:
        try:
            handle, scale, _ = self._handles[name, unit, kind, combine]
        except Exception:  # not seen before, or a name that cannot even be hashed
            found = self._prepare(name, unit, kind, combine)
            if found is None:
                return DONE
            handle, scale, _ = found
        try:
            if type(value) is not float and type(value) is not int:
                value = _number(value)
            # One comparison refuses NaN, the infinities and negatives.
            if not (0 <= value <= LARGEST or (handle.kind == "gauge" and -LARGEST <= value < 0)):
                return _reject("metric {}: value must be a finite number >= 0, not {}", handle.name, value)
            if scale != 1.0:
                value = value * scale
            pairs = tuple(tags.items()) if tags else ()
            if handle.kind == "distribution":
                handle.observe(value, pairs, self._exemplar(metadata) if metadata else None)
            elif handle.kind == "counter":
                handle.add(value, pairs)
            else:
                handle.set(value, pairs)
            return DONE
        except InvalidMetric:
            raise
        except Exception as exc:
            return self._record_slowly(handle, value, tags, metadata, exc)

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

    def _prepare(self, name: object, unit: object, kind: object, combine: object) -> _Prepared | None:
        try:
            problem = _problem(name, unit, kind, combine)
        except Exception as exc:  # a name or unit with methods of its own
            problem = ("metric {}: {} while it was looked at", (name, exc))
        if problem:
            _reject(problem[0], *problem[1])
            return None
        chosen = cast("Kind", kind or ("counter" if unit == "count" else "distribution"))
        scale = _UNITS_IN_SECONDS.get(str(unit), 1.0) if chosen == "distribution" else 1.0
        kept_unit = "s" if chosen == "distribution" and unit in _UNITS_IN_SECONDS else str(unit)
        handle = Handle(str(name), kept_unit, chosen, cast("Combine", combine))
        try:
            known = buffer.metric(handle.name, chosen, kept_unit, handle.combine)
        except ValueError as exc:
            _reject("{}", exc)
            return None
        if known is None:
            buffer.dropped["metrics.names"] += 1
            return None
        put = {"counter": buffer.add, "distribution": buffer.observe, "gauge": buffer.set}[chosen]
        prepared = self._handles[str(name), str(unit), cast("str | None", kind), str(combine)] = handle, scale, put
        return prepared

    def _record_slowly(
        self, handle: Handle, value: object, tags: object, metadata: object, problem: Exception
    ) -> Done[None]:
        """Take what the fast way stumbled over before it counted anything: tags that are not strings, odd metadata."""
        if type(value) is not float and type(value) is not int:
            return _reject("metric {}: value must be a number, not {}", handle.name, value)
        try:
            pairs = tuple((str(key), str(each)) for key, each in dict(tags or {}).items())  # type: ignore[call-overload]
        except Exception:
            return _reject("metric {}: {} with tags {}", handle.name, problem, tags)
        if handle.kind == "counter":
            handle.add(value, pairs)
        elif handle.kind == "distribution":
            exemplar = None
            with guarded("metrics.exemplar"):
                exemplar = self._exemplar(cast("Mapping[str, Any]", metadata)) if metadata else None
            handle.observe(value, pairs, exemplar)
        else:
            handle.set(value, pairs)
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


def _problem(name: object, unit: object, kind: object, combine: object) -> tuple[str, tuple[object, ...]] | None:
    """Say what is wrong with a metric's definition, as a template and what belongs into it."""
    if not isinstance(name, str) or not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        return f"metric name must be 1 to {MAX_NAME_CHARS} printable characters, not {{}}", (name,)
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "metric name {} holds a lone surrogate", (name,)
    if not isinstance(unit, str) or not unit.isprintable() or len(unit) > MAX_UNIT_CHARS:
        return f"metric {{}}: unit must be at most {MAX_UNIT_CHARS} printable characters, not {{}}", (name, unit)
    if kind is not None and kind not in KINDS:
        return f"metric {{}}: kind must be one of {', '.join(KINDS)}, not {{}}", (name, kind)
    if combine not in COMBINES:
        return f"metric {{}}: combine must be one of {', '.join(COMBINES)}, not {{}}", (name, combine)
    return None


def _number(value: object) -> float:
    """Return a Decimal, a Fraction, a bool or a number of numpy as a float: sums of mixed types would fail later.

    Raise what the conversion raises, and `TypeError` for text that looks like a number.
    """
    if issubclass(type(value), str | bytes | bytearray):
        raise TypeError("text is not a number")
    return float(value)  # type: ignore[arg-type]  # what is no number raises right here


def _shown(value: object) -> str:
    try:
        return repr(value)[:200]
    except Exception:  # the host's own, or an integer of more digits than Python prints
        return broken(value)


def _reject(template: str, *parts: object) -> Done[None]:
    """Raise to a developer; count in production."""
    buffer.dropped["metrics.rejected"] += 1
    if settings.DEBUG or get_settings().STRICT:
        raise InvalidMetric(template.format(*map(_shown, parts)))
    return DONE


metrics_collector = MetricsCollector()
