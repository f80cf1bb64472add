"""The two formats of a log record: a line of JSON for machines, a readable one for a person in development."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

from ..core.redaction import Json
from . import counters, lines
from .binding import bound
from .fields import COUNTED
from .human import human_line, wants_colour
from .messages import message_of, shown
from .parts import Parts


class JsonFormatter(BaseJsonFormatter):
    """Format a record as one line of JSON: strict, ASCII, redacted, at most 64 KiB. Never raises.

    The line has `timestamp` (RFC 3339, UTC), `level`, `logger`, `message`, the context (`request_id`, `trace_id`, ...),
    the record's fields, `service`, `environment`, `release`, and, where there are any, `location`, `exception.type`,
    `exception.message`, `exception.stacktrace`, `stack` and `truncated`. `rename_fields` renames keys of the line,
    `static_fields` adds to each line.
    """

    def __init__(
        self,
        environment: str = "",
        *,
        rename_fields: Mapping[str, str] | None = None,
        static_fields: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(rename_fields=dict(rename_fields or {}), static_fields=dict(static_fields or {}))
        self.parts = Parts(environment)
        self.adapts = bool(self.rename_fields or self.static_fields)
        """Whether keys are renamed or added."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a line end."""
        try:
            values, cut = self.parts.of(record)
        except Exception:
            count_once(record, "unserialisable")
            values, cut = last_resort(record), False
        if cut:
            count_once(record, "truncated")
            values["truncated"] = True
        if self.adapts:
            values.update(self.static_fields)
            values = {self.rename_fields.get(key, key): value for key, value in values.items()}
        try:
            line = lines.encode(values)
        except Exception:
            count_once(record, "unserialisable")
            values = _plain(values)
            line = lines.encode_repaired(values)
        if len(line) > lines.LONGEST_LINE:
            count_once(record, "truncated")
            line = lines.shrunk(values)
        return line


class HumanFormatter(logging.Formatter):
    """Format a record for a person: one line, its traceback indented below. No control character gets through."""

    def __init__(self, environment: str = "", *, colour: bool | None = None) -> None:
        super().__init__()
        self.parts = Parts(environment)
        self._colour = wants_colour() if colour is None else colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the text without a line end."""
        try:
            values, cut = self.parts.of(record)
            if cut:
                count_once(record, "truncated")
                values["truncated"] = True
            return human_line(values, self._colour)
        except Exception:
            count_once(record, "unserialisable")
            return human_line(last_resort(record), self._colour)


def _plain(values: dict[str, Json]) -> dict[str, Json]:
    """Return values that are what they claim: a record from elsewhere may carry anything as its name or context."""
    redactor = bound().redactor
    return {
        str(key): value if type(value) in (str, int, float, bool, type(None)) else redactor.value(value)
        for key, value in values.items()
    }


def last_resort(record: logging.LogRecord) -> dict[str, Json]:
    """Return what can be said of a record that could not be read: its level, and its message if it has one."""
    redactor = bound().redactor
    try:
        message = redactor.clip(message_of(record, redactor), 2_000)
    except Exception:
        message = "<broken log record>"
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
        "level": shown(getattr(record, "levelname", "ERROR"), redactor)[:40],
        "logger": shown(getattr(record, "name", ""), redactor)[:200],
        "message": message,
        "log.error": "unserialisable",
    }


def count_once(record: logging.LogRecord, what: str) -> None:
    """Count a rare event of a record in `counters`, once, however many handlers format it."""
    counted = record.__dict__.setdefault(COUNTED, set())
    if what not in counted:
        counted.add(what)
        setattr(counters, what, getattr(counters, what) + 1)
