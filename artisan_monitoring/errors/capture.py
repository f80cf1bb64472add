"""Capture an exception: once, whoever saw it; counted always, kept in full sometimes; never raising into the host.

The way of a record: chain and lines (core.stacks) -> fingerprint (core.fingerprints, remembered per place) -> a delta
that the buffer merges by fingerprint -> the sink. Past its samples, an error costs about 20 µs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from socket import gethostname
from typing import Any

from django.http import HttpRequest

from ..conf import get_settings, on_settings_change, redactor
from ..core import context as ctx
from ..core.fingerprints import ExceptionPart, Fingerprint, culprit, depends_on_message, of_exception, overflow
from ..core.guard import guarded, never_raises
from ..core.plain import no_queries
from ..core.records import AlertSeverity
from ..core.redaction import Redactor
from ..core.reprs import clean_text, dotted_name
from ..core.severity import Facts, ruled, severity_of
from ..core.spending import accounted
from ..core.stacks import FrameReader, Link, caller, chain, entries_above, message_of
from ..metrics.collector import metrics_collector
from ..metrics.handles import Handle
from ..pipeline.buffer import buffer
from . import samples
from .deltas import merge
from .grouping import Occurrence, Parts, fingerprint_of, rule_in_force
from .marks import first_sight
from .requests import route_of, user_of
from .rules import severity_rules
from .sampling import Sampler
from .templates import Shown, has_other_lines, with_other_lines

KNOWN_PLACES = 1_000


@dataclass(frozen=True, slots=True)
class Captured:
    """One captured error, as observers get it. `record` is what goes to the buffer (see `deltas`)."""

    exception: BaseException
    fingerprint: str
    severity: AlertSeverity
    record: dict[str, Any]

    @property
    def type(self) -> str:
        """The exception's dotted name."""
        return str(self.record["type"])

    @property
    def message(self) -> str:
        """The exception's message, redacted."""
        return str(self.record["message"])


observers: list[Callable[[Captured], None]] = []
"""Called with every error that is handed to the buffer: what tests and tools listen to."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is worked out once per place: `parts` hold the lines, whose ids are the key."""

    fingerprint: Fingerprint
    culprit: str
    parts: tuple[ExceptionPart, ...]


@dataclass(slots=True)
class Reading:
    """One exception read: its chain, and per link what was found out."""

    links: list[Link]
    parts: list[ExceptionPart]
    shown: list[list[Shown]]


class _Bound:
    """Settings copied for the hot path, and what depends on them."""

    def __init__(self) -> None:
        chosen = get_settings()
        self.redactor = redactor()
        self.reader = FrameReader(chosen.ERRORS.IN_APP_INCLUDE, chosen.ERRORS.IN_APP_EXCLUDE, self.redactor.code)
        self.ignored = frozenset(chosen.ERRORS.IGNORE)
        self.enabled = chosen.ENABLED
        self.where = {
            "release": clean_text(chosen.RELEASE, 100),
            "environment": clean_text(chosen.ENVIRONMENT, 64),
        }
        self.host = clean_text(chosen.HOST or gethostname(), 100)
        self.known: dict[tuple[object, ...], Known] = {}
        self.sampler = Sampler()
        self.rule = rule_in_force()


@lru_cache(maxsize=1)
def _bound() -> _Bound:
    return _Bound()


on_settings_change(_bound.cache_clear)


@lru_cache(maxsize=1)
def _counter() -> Handle:
    return metrics_collector.handle("artisan.errors", unit="count", kind="counter")


@accounted
@never_raises("errors.capture")
def capture_exception(
    exc: BaseException,
    *,
    handled: bool,
    mechanism: str,
    severity: AlertSeverity | str | None = None,
    context: Mapping[str, object] | None = None,
    request: HttpRequest | None = None,
    logger: str = "",
    fingerprint: Parts = None,
) -> str | None:
    """Record an exception; return its fingerprint, or None if it was recorded before or is ignored.

    `mechanism` says who saw it (`request`, `celery`, `track_error`, ...). Without `severity`, what was handled is
    MEDIUM and what was not is HIGH. `fingerprint`: see `grouping`. Never raises, never queries, never reads the body.
    """
    bound = _bound()
    if not bound.enabled or not first_sight(exc) or _is_ignored(exc, bound.ignored):
        return None
    rated = _severity(severity, exc, handled, mechanism)
    return _record(bound, exc, handled, mechanism, rated, context, request, logger, fingerprint)


def _record(
    bound: _Bound,
    exc: BaseException,
    handled: bool,
    mechanism: str,
    severity: AlertSeverity,
    context: Mapping[str, object] | None,
    request: HttpRequest | None,
    logger: str,
    fingerprint: Parts,
) -> str:
    now = time.time()
    reading = _read(exc, bound.reader, bound.redactor)
    known = _known(bound, reading)
    if fingerprint is not None or bound.rule is not None:
        told = Occurrence.of(reading.parts, known.fingerprint, known.culprit, mechanism, logger, exc)
        known = replace(known, fingerprint=fingerprint_of(told, bound.rule, fingerprint))
    if not bound.sampler.admits(known.fingerprint.hash, now):
        known = Known(overflow(), known.culprit, ())
    delta = _delta(bound, known, reading, now)
    request = request if request is not None else _current_request()
    with guarded("errors.surroundings"):
        delta["user"] = _user(request)
    delta.update(
        severity=severity.value, handled=handled, mechanism=clean_text(mechanism, 40), logger=clean_text(logger, 120)
    )
    if bound.sampler.takes(known.fingerprint.hash, now):
        # A __repr__ of the host's must not query on our behalf.
        with guarded("errors.sample"), no_queries():
            delta["samples"] = [_sample(bound, delta, reading, request, context)]
    user = delta.pop("user", "")
    delta["users"] = {user: 1} if user else {}
    urgent = severity.rank >= AlertSeverity.HIGH.rank
    if observers:  # with a copy: the buffer merges later ones into the delta
        record = {**delta, "hours": dict(delta["hours"]), "users": dict(delta["users"])}
        _tell(Captured(exc, known.fingerprint.hash, severity, record))
    buffer.merge_record("error", known.fingerprint.hash, delta, merge, urgent=urgent)
    _count(severity, mechanism)
    return known.fingerprint.hash


def _read(exc: BaseException, reader: FrameReader, clean: Redactor) -> Reading:
    links = chain(exc)
    if not links[0].entries:
        # Never raised: where it was tracked is the next best thing to know.
        links[0].entries = entries_above(caller())
    parts: list[ExceptionPart] = []
    shown: list[list[Shown]] = []
    for link in links:
        lines = [reader.line(frame, lineno) for frame, lineno in link.entries]
        pairs: list[Shown] = list(zip(lines, link.entries, strict=True))
        if has_other_lines(link.exc, lines):
            with guarded("errors.templates"):
                pairs = with_other_lines(reader, link.exc, link.entries, lines)
        shown.append(pairs)
        message = clean.text(message_of(link.exc))
        name = clean_text(dotted_name(type(link.exc)), 200)
        parts.append(ExceptionPart(name, message, [line for line, _ in pairs], link.relation))
    return Reading(links, parts, shown)


def _known(bound: _Bound, reading: Reading) -> Known:
    key: list[object] = []
    for part in reading.parts:
        key += (part.type, part.relation)
        key += map(id, part.lines)
    place = tuple(key)
    known = bound.known.get(place)
    if known is None:
        parts = tuple(reading.parts)
        known = Known(of_exception(parts), clean_text(culprit(parts[0].lines), 255), parts)
        if not depends_on_message(parts):
            if len(bound.known) >= KNOWN_PLACES:
                bound.known.clear()
            bound.known[place] = known
    return known


def _delta(bound: _Bound, known: Known, reading: Reading, now: float) -> dict[str, Any]:
    first = reading.parts[0]
    return {
        "version": known.fingerprint.version,
        "hash": known.fingerprint.hash,
        "components": known.fingerprint.components,
        "type": first.type if known.parts else "too many different errors",
        "message": clean_text(first.message, 1_000),
        "culprit": known.culprit,
        "count": 1,
        "hours": {str(int(now // 3600) * 3600): 1},
        "first": now,
        "last": now,
        "sketch": "",
        "samples": [],
        **bound.where,
    }


def _sample(
    bound: _Bound,
    delta: Mapping[str, Any],
    reading: Reading,
    request: HttpRequest | None,
    context: Mapping[str, object] | None,
) -> dict[str, Any]:
    known = ctx.current()
    first = reading.parts[0]
    kept = {key: delta[key] for key in ("message", "severity", "handled", "mechanism", "release", "environment")}
    observation = ctx.observation.get()
    route = route_of(request) if request is not None else (observation.route if observation is not None else "") or ""
    return {
        **kept,
        "event_id": samples.new_event_id(),
        "at": delta["last"],
        "type": first.type,
        "route": clean_text(route, 200),
        "user_pk": delta.get("user", ""),
        "request_id": clean_text(known.get("request_id", ""), 64),
        "trace_id": clean_text(known.get("trace_id", ""), 32),
        "client": clean_text(known.get("client", ""), 64),
        "host": bound.host,
        "details": samples.details(reading.links, reading.parts, reading.shown, request, context, bound.redactor),
    }


def _is_ignored(exc: BaseException, ignored: frozenset[str]) -> bool:
    return bool(ignored) and any(dotted_name(kind) in ignored for kind in type(exc).__mro__)


def _severity(asked: AlertSeverity | str | None, exc: BaseException, handled: bool, mechanism: str) -> AlertSeverity:
    if asked is not None:
        try:
            return AlertSeverity(str(asked).upper())
        except ValueError:
            return AlertSeverity.MEDIUM
    facts = Facts(type=dotted_name(type(exc)), handled=handled, mechanism=mechanism)
    if (said := ruled(facts, severity_rules())) is not None:
        return said
    return AlertSeverity.CRITICAL if issubclass(type(exc), MemoryError) else severity_of(facts)


def _tell(captured: Captured) -> None:
    for observer in tuple(observers):
        with guarded("errors.observer"):
            observer(captured)


def _count(severity: AlertSeverity, mechanism: str) -> None:
    with guarded("errors.metric"):
        _counter().add(1, (("mechanism", mechanism), ("severity", severity.value)))


def _current_request() -> HttpRequest | None:
    observation = ctx.observation.get()
    request = observation.request() if observation is not None and observation.request is not None else None
    return request if isinstance(request, HttpRequest) else None


def _user(request: HttpRequest | None) -> str:
    observation = ctx.observation.get()
    known = ctx.user_pk.get() or (observation.user_pk if observation is not None else None)
    if known:
        return clean_text(known, 64)
    return user_of(request) if request is not None else ""
