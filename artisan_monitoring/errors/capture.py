"""Capture an exception: once, whoever saw it; counted always, kept in full sometimes; never raising into the host.

The way of a record: chain and lines (`reading`) -> fingerprint (core.fingerprints, remembered per place) -> what the
project says to it (`refusing`, `BEFORE_SEND`) -> a delta that the buffer merges by fingerprint -> the sink. Past its
samples, an error costs about 20 µs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from socket import gethostname
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..conf import get_settings, on_settings_change, redactor
from ..core import context as ctx
from ..core.fingerprints import culprit, depends_on_message, of_exception, of_log, overflow
from ..core.guard import guarded, never_raises, report
from ..core.plain import no_queries
from ..core.records import AlertSeverity
from ..core.reprs import clean_text
from ..core.spending import accounted
from ..core.stacks import FrameReader
from ..metrics.collector import metrics_collector
from ..pipeline.buffer import buffer
from . import samples, scope
from .deltas import merge
from .event import Event
from .grouping import Occurrence, Parts, fingerprint_of, rule_in_force
from .marks import first_sight
from .reading import Known, Reading, read
from .refusing import Refusals
from .requests import current_request, route_of, user_now
from .rules import rated
from .sampling import Sampler

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


class Logged(Exception):
    """Stands for a log record without an exception, on its way through what reads exceptions."""


class _Bound:
    """Settings copied for the hot path, and what depends on them."""

    def __init__(self) -> None:
        chosen = get_settings()
        self.redactor = redactor()
        self.reader = FrameReader(chosen.ERRORS.IN_APP_INCLUDE, chosen.ERRORS.IN_APP_EXCLUDE, self.redactor.code)
        self.refusals = Refusals(chosen.ERRORS.IGNORE)
        self.before_send = _before_send(chosen.ERRORS.BEFORE_SEND)
        self.enabled = chosen.ENABLED
        self.where = {
            "release": clean_text(chosen.RELEASE, 100),
            "environment": clean_text(chosen.ENVIRONMENT, 64),
        }
        self.host = clean_text(chosen.HOST or gethostname(), 100)
        self.known: dict[tuple[object, ...], Known] = {}
        self.sampler = Sampler()
        self.rule = rule_in_force()
        self._hour = 0, "0"
        self.counter = metrics_collector.handle("artisan.errors", unit="count", kind="counter")

    def hour_of(self, now: float) -> str:
        """Return the hour of a time as the delta's key."""
        hour = int(now // 3600) * 3600
        if hour != self._hour[0]:
            self._hour = hour, str(hour)
        return self._hour[1]


def _before_send(path: str) -> Callable[[Event], object] | None:
    if path:
        with guarded("errors.before_send"):
            hook = import_string(path)
            return hook if callable(hook) else None
    return None


@lru_cache(maxsize=1)
def _bound() -> _Bound:
    return _Bound()


on_settings_change(_bound.cache_clear)


def forget_refusals() -> None:
    """Look again at what is ignored: something was added."""
    _bound().refusals = Refusals(get_settings().ERRORS.IGNORE)


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
    """Record an exception; return its fingerprint, or None if it was recorded before, is ignored or was dropped.

    `mechanism` says who saw it (`request`, `celery`, `track_error`, ...). Without `severity`, what was handled is
    MEDIUM and what was not is HIGH. `fingerprint`: see `grouping`. Never raises, never queries, never reads the body.
    """
    bound = _bound()
    if not bound.enabled or bound.refusals.exception(type(exc)) or not first_sight(exc):
        return None
    severity = rated(severity, exc, handled, mechanism)
    return _record(bound, Event(exc, handled, mechanism, severity, context, request, logger, fingerprint=fingerprint))


@accounted
@never_raises("errors.capture_message")
def capture_message(
    message: str,
    *,
    template: str,
    logger: str,
    mechanism: str,
    severity: AlertSeverity | None = None,
    context: Mapping[str, object] | None = None,
    where: str = "",
) -> str | None:
    """Record what is no exception: a log record of level ERROR. Grouped by logger and unformatted message."""
    bound = _bound()
    if not bound.enabled:
        return None
    event = Event(Logged(), True, mechanism, severity or AlertSeverity.MEDIUM, context, None, logger, template)
    event.type, event.message = clean_text(logger, 200), message or template
    return _record(bound, event, where)


def _record(bound: _Bound, event: Event, where: str = "") -> str | None:
    now, clock = time.time(), time.perf_counter()
    reading = read(event.exception, bound.reader, bound.redactor, event.message, event.type)
    known = _chosen(bound, reading, event, _known(bound, reading, event, where))
    event.type, event.message = reading.parts[0].type, reading.parts[0].message
    event.request = event.request if event.request is not None else current_request()
    event.tags = scope.tags_of([link.exc for link in reading.links])
    if bound.before_send is not None and not _passes(bound.before_send, event, bound):
        return None
    hash_ = known.fingerprint.hash
    if not bound.sampler.admits(hash_, now):
        known = Known(overflow(), known.culprit, ())
        hash_ = known.fingerprint.hash
    user = "" if "user" in event.leave_out else user_now(event.request)
    delta = _delta(bound, known, event, now)
    if bound.sampler.takes(hash_, now):
        # A __repr__ of the host's must not query on our behalf.
        with guarded("errors.sample"), no_queries():
            delta["samples"] = [_sample(bound, delta, reading, event, user, clock)]
    if user:
        delta["users"] = {user: 1}
    if observers:
        # A copy: the buffer merges later ones into the delta.
        record = {**delta, "hours": dict(delta["hours"]), "users": dict(delta["users"])}
        _tell(Captured(event.exception, hash_, event.severity, record))
    buffer.merge_record("error", hash_, delta, merge, urgent=event.severity.rank >= AlertSeverity.HIGH.rank)
    bound.counter.add(1, (("mechanism", event.mechanism), ("severity", event.severity.value)))
    return hash_


def _known(bound: _Bound, reading: Reading, event: Event, where: str) -> Known:
    parts = reading.parts
    if event.template:
        where = culprit(parts[0].lines) or where
        return Known(of_log(event.logger, event.template), clean_text(where, 255), tuple(parts))
    key: list[object] = []
    for part in parts:
        key += (part.type, part.relation)
        key += map(id, part.lines)
    place = tuple(key)
    known = bound.known.get(place)
    if known is None:
        known = Known(of_exception(parts), clean_text(culprit(parts[0].lines), 255), tuple(parts))
        if not depends_on_message(parts):
            if len(bound.known) >= KNOWN_PLACES:
                bound.known.clear()
            bound.known[place] = known
    return known


def _chosen(bound: _Bound, reading: Reading, event: Event, known: Known) -> Known:
    """Return what is known of a place with the fingerprint that the project chooses, if it does."""
    if event.fingerprint is None and bound.rule is None:
        return known
    told = Occurrence.of(
        reading.parts, known.fingerprint, known.culprit, event.mechanism, event.logger, event.exception
    )
    return replace(known, fingerprint=fingerprint_of(told, bound.rule, event.fingerprint))


def _passes(before_send: Callable[[Event], object], event: Event, bound: _Bound) -> bool:
    """Let the project look at an event and change it; say whether it goes on. It does where the hook raises."""
    try:
        with no_queries():
            if before_send(event) is None:
                return False
    except Exception as exc:
        report("errors.before_send", exc)
    event.message = bound.redactor.text(str(event.message))
    event.severity = rated(event.severity, event.exception, event.handled, event.mechanism)
    event.tags = scope.tags_as_text(event.tags)
    return True


def _delta(bound: _Bound, known: Known, event: Event, now: float) -> dict[str, Any]:
    return {
        "version": known.fingerprint.version,
        "hash": known.fingerprint.hash,
        "components": known.fingerprint.components,
        "type": event.type if known.parts else "too many different errors",
        "message": clean_text(event.message, 1_000),
        "culprit": known.culprit,
        "severity": event.severity.value,
        "handled": event.handled,
        "mechanism": event.mechanism[:40],
        "logger": clean_text(event.logger, 120) if event.logger else "",
        "count": 1,
        "hours": {bound.hour_of(now): 1},
        "first": now,
        "last": now,
        "users": {},
        "sketch": "",
        "samples": [],
        **bound.where,
    }


def _sample(
    bound: _Bound, delta: Mapping[str, Any], reading: Reading, event: Event, user: str, clock: float
) -> dict[str, Any]:
    kept = {key: delta[key] for key in ("message", "severity", "handled", "mechanism", "release", "environment")}
    observation = ctx.observation.get()
    request = event.request
    route = route_of(request) if request is not None else (observation.route if observation is not None else "") or ""
    return {
        **kept,
        "event_id": samples.new_event_id(),
        "at": delta["last"],
        "type": event.type,
        "route": clean_text(route, 200),
        "user_pk": user,
        "request_id": clean_text(ctx.request_id.get() or "", 64),
        "trace_id": clean_text(ctx.trace_id.get() or "", 32),
        "client": clean_text(ctx.client.get() or "", 64) if "user" not in event.leave_out else "",
        "host": bound.host,
        "details": samples.details(reading, event, clock, bound.redactor),
    }


def _tell(captured: Captured) -> None:
    for observer in tuple(observers):
        with guarded("errors.observer"):
            observer(captured)
