"""Make the trail of a failing request readable: texts, timings and small data, redacted, in the order it happened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import cast

from ..core.context import Observation
from ..core.guard import guarded
from ..core.plain import broken, describe
from ..core.redaction import Json, Redactor
from ..core.reprs import SafeRepr, clean_text
from ..core.stacks import message_of as exception_message
from ..core.trail import BREADCRUMB, CACHE, HTTP, LOG, QUERY, Entry
from ..logs.fields import OVERFLOW, RECORD_ATTRIBUTES

MOST_ENTRIES = 100
SIZE = 12_000
"""Bytes of text in all: what came last is kept."""

LONGEST_TEXT = 500
LONGEST_VALUE = 200
DATA_KEYS = 10
# Shown as what they are in a message; anything else is described, for its own __str__ might do anything.
_PLAIN = frozenset({str, int, float, bool, type(None)})
_NUMBERS = frozenset({int, float, bool, type(None)})
# Django's loggers put request and response on their records.
_NOT_FIELDS = RECORD_ATTRIBUTES | {"request", "response", "server_time"}

Shown = dict[str, object]


def render(observation: Observation, redactor: Redactor) -> list[Shown]:
    """Return what was noted, oldest first; `at` is seconds since the unit of work began."""
    trail = observation.trail
    if trail is None:
        return []
    # Copied at once: other threads of the same request may go on noting.
    entries = sorted((*trail.calls.copy(), *trail.told.copy()), key=lambda entry: float(entry[1]))  # type: ignore[arg-type]
    shown: list[Shown] = []
    left = SIZE
    for run in reversed(_runs(entries)[-MOST_ENTRIES:]):
        with guarded("errors.trail"):
            made = _shown(run, observation.started, redactor)
            left -= len(str(made["text"])) + 60
            if left < 0:
                break
            shown.append(made)
    shown.reverse()
    return shown


def _runs(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return entries with the same query many times in a row put together: a loop's hundred are one line."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if runs and entry[0] == QUERY and runs[-1][-1][0] == QUERY and runs[-1][-1][3:] == entry[3:]:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs


def _shown(run: Sequence[Entry], started: float, redactor: Redactor) -> Shown:
    kind, at, _, what, more = run[0]
    shown: Shown = {"at": round(float(at) - started, 6), "kind": kind}  # type: ignore[arg-type]
    text, extra, data = _READERS[str(kind)](what, more, redactor)
    shown["text"] = clean_text(redactor.clip(text, LONGEST_TEXT), LONGEST_TEXT)
    took = [entry[2] for entry in run if isinstance(entry[2], float)]
    if took:
        shown["ms"] = round(sum(took) * 1000, 3)
    if len(run) > 1:
        data = {**data, "times": len(run)}
    shown.update(extra)
    if data:
        shown["data"] = data
    return shown


_Read = tuple[str, Shown, dict[str, Json]]


def _log(what: object, more: object, redactor: Redactor) -> _Read:
    record = what
    if not isinstance(record, logging.LogRecord):
        return "", {}, {}
    fields = fields_of(record)
    level = str(record.levelname)
    return message_of(record), {"level": level}, {"logger": record.name, **_small(fields, redactor)}


def _query(what: object, more: object, redactor: Redactor) -> _Read:
    alias, failed = more if isinstance(more, tuple) else (more, "")
    data: dict[str, Json] = {} if alias == "default" else {"database": str(alias)}
    if failed:
        data["error"] = str(failed)
    return str(what), {}, data


def _call(what: object, more: object, redactor: Redactor) -> _Read:
    return str(what), {}, _small(more, redactor)


def _breadcrumb(what: object, more: object, redactor: Redactor) -> _Read:
    return str(_described(what)), {}, _small(more, redactor)


_READERS: dict[str, Callable[[object, object, Redactor], _Read]] = {
    LOG: _log,
    QUERY: _query,
    CACHE: _call,
    HTTP: _call,
    BREADCRUMB: _breadcrumb,
}


def _small(given: object, redactor: Redactor) -> dict[str, Json]:
    """Return a few plain values by name: numbers as they are, all else as short text."""
    if not isinstance(given, Mapping):
        return {}
    data: dict[str, Json] = {}
    show = SafeRepr(redactor)
    for key, value in islice(given.items(), DATA_KEYS):
        name = clean_text(str(key), 60)
        if type(value) is str and not redactor.is_secret_key(name):
            data[name] = clean_text(redactor.clip(value, LONGEST_VALUE), LONGEST_VALUE)
        elif type(value) in _NUMBERS:
            data[name] = redactor.pair(name, value)
        else:
            data[name] = show.named(name, value)[:LONGEST_VALUE]
    return data


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message without trusting what it is made of: nothing lazy is evaluated. Not redacted."""
    msg: object = record.msg
    template = str.__str__(cast("str", msg)) if issubclass(type(msg), str) else str(_described(msg))
    args = record.args
    if not args:
        return template
    try:
        if isinstance(args, Mapping):
            return str(template % {key: _described(value) for key, value in args.items()})
        return str(template % tuple(_described(arg) for arg in args))
    except Exception:  # "%d" of what was described, or a mistake of the host's: the template says most
        return template


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what the maker of a record added to it, by `extra=` or by keyword."""
    own = vars(record)
    fields = {key: own[key] for key in own if key not in _NOT_FIELDS and not key.startswith("_")}
    overflow = own.get(OVERFLOW)
    return {**fields, **overflow} if type(overflow) is dict else fields


def _described(value: object) -> object:
    if type(value) in _PLAIN:
        return value
    try:
        # An exception's own text, as "%s" would give it; that of anything else may be anything.
        if issubclass(type(value), BaseException):
            return exception_message(cast("BaseException", value))
        return describe(value)
    except Exception:
        return broken(value)
