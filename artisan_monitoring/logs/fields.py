"""The fields of a log record: what its maker added by `extra=` or by keyword, redacted and made plain."""

from __future__ import annotations

import logging
from itertools import islice

from ..core.redaction import LONGEST_TEXT, Json, Redactor
from . import context

# Fields whose names are attributes of every record wait here: `logger.info("x", name="y")` must not raise KeyError.
OVERFLOW = "artisan_fields"
# Set by the access log: its fields, whose keys and values our middleware made.
ACCESS = "artisan_access"
# Set by the formatters: what of this record has been counted already.
COUNTED = "artisan_counted"
MOST_FIELDS = 200

_SAMPLE = logging.LogRecord("", 0, "", 0, "", (), None)
STANDARD = len(_SAMPLE.__dict__)
# `message` and `asctime` are left on a record by other formatters; `taskName` came with Python 3.12.
RECORD_ATTRIBUTES = frozenset(
    {*_SAMPLE.__dict__, "message", "asctime", "taskName", context.ATTRIBUTE, OVERFLOW, ACCESS, COUNTED}
)
# What a line says itself: a field of the same name is written as "field.<name>", so that it cannot pretend.
LINE_KEYS = frozenset(
    {"timestamp", "level", "logger", "message", "service", "environment", "release", "location", "stack", "truncated"}
    | {"exception.type", "exception.message", "exception.stacktrace", *context.KEYS}
)
# What in the access log comes from the client. The rest is ours and is written as it is.
CLIENT_FIELDS = ("path", "query", "user_agent", "referrer", "host")

_SKIP = ("", False)
_MOST_PLANS = 2_000
# The least number of 13 digits: from there on an int may be a card number, or too long for JSON.
_CARD = 10**12


class Plans(dict[object, tuple[str, bool]]):
    """What to do with each key, decided once: (name in the line, whether it is secret); an empty name: not a field."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def __missing__(self, key: object) -> tuple[str, bool]:
        plan = _SKIP if key in RECORD_ATTRIBUTES else self.named(key)
        if len(self) < _MOST_PLANS:
            self[key] = plan
        return plan

    def named(self, key: object) -> tuple[str, bool]:
        """Return the plan of a key that is a field even if it is called like a record's attribute."""
        name = key if type(key) is str else str(self.redactor.value(key))
        secret = self.redactor.is_secret_key(name)
        name = self.redactor.clip(name, 200)
        return (f"field.{name}" if name in LINE_KEYS or not name else name), secret


def fields_of(record: logging.LogRecord, plans: Plans, line: dict[str, Json]) -> bool:
    """Write the record's fields into `line`; return whether something was left out.

    The hot loop of the formatter: about 0.25 us a field, so the common types are handled in place.
    """
    own = record.__dict__
    redactor = plans.redactor
    cut = False
    # LogRecord.__init__ sets its attributes first and in order: what the host added begins after them.
    for key, value in islice(own.items(), STANDARD if type(record) is logging.LogRecord else 0, None):
        name, secret = plans[key]
        if not name:
            continue
        kind = type(value)
        if secret:
            line[name] = redactor.pair(key, value)
        elif kind is str and len(value) <= LONGEST_TEXT:
            line[name] = redactor.text(value)
        elif (
            kind is bool
            or value is None
            or (kind is int and -_CARD < value < _CARD)
            or (kind is float and value - value == 0.0)
        ):
            line[name] = value
        else:
            line[name], partly = redactor.copy(value)
            cut = cut or partly
    if OVERFLOW in own:
        cut = add_fields(own[OVERFLOW], plans, line) or cut
    return _bounded(line) or cut


def add_fields(fields: dict[object, object], plans: Plans, line: dict[str, Json]) -> bool:
    """Write fields of any name into `line`; return whether something was left out."""
    cut = False
    for key, value in islice(fields.items(), MOST_FIELDS):
        name, secret = plans.named(key)
        if secret:
            line[name] = plans.redactor.pair(key, value)
        else:
            line[name], partly = plans.redactor.copy(value)
            cut = cut or partly
    return _bounded(line) or cut or len(fields) > MOST_FIELDS


def _bounded(line: dict[str, Json]) -> bool:
    if len(line) <= MOST_FIELDS:
        return False
    for key in list(line)[MOST_FIELDS:]:
        del line[key]
    return True


def access_fields_of(fields: dict[str, str | int | float | None], redactor: Redactor, line: dict[str, Json]) -> bool:
    """Write the access log's fields into `line`; return whether something was left out.

    Only what a client sent is searched for secrets. The message repeats the path: clean with it, or searched with it.
    """
    line.update(fields)
    clean = "path" in fields
    for key in CLIENT_FIELDS:
        if key in fields and type(value := fields[key]) is str:
            safe = line[key] = redactor.clip(value)
            clean = clean and (safe is value or key != "path")
    message = str(line["message"])
    if not clean:
        line["message"] = redactor.clip(message)
    return len(message) > LONGEST_TEXT
