"""The parts of a log record as redacted text: its message, its exception, its stack. Nothing here raises."""

from __future__ import annotations

import logging
import traceback
from typing import cast

from ..core.plain import broken, children, describe, is_lazy, no_queries, unwrapped
from ..core.redaction import Json, Redactor

LONGEST_MESSAGE = 16_384
LONGEST_TRACEBACK = 32_768

_SIMPLE = frozenset((str, int, float, bool, type(None)))


class _Shown:
    """Stand for an argument of a message: shown when the `%` asks, without queries, whatever its own methods do."""

    __slots__ = ("_obj", "_redactor")

    def __init__(self, obj: object, redactor: Redactor) -> None:
        self._obj = obj
        self._redactor = redactor

    def __str__(self) -> str:
        return shown(self._obj, self._redactor)

    def __repr__(self) -> str:
        value = self._redactor.value(self._obj)
        return value if isinstance(value, str) else repr(value)


def shown(obj: object, redactor: Redactor) -> str:
    """Return `str(obj)`, redacted by key where it is a container; the object's description where that fails."""
    try:
        kind = type(obj)
        if is_lazy(kind):
            inner = unwrapped(obj)
            return "<lazy>" if inner is obj else shown(inner, redactor)
        if issubclass(kind, str):
            return str.__str__(cast("str", obj))
        if children(obj, 0) is not None or issubclass(kind, bytes | bytearray):
            return str(redactor.value(obj))
        described = describe(obj) if any(base.__name__ == "QuerySet" for base in kind.__mro__) else ""
        if described:
            return described
        with no_queries():
            return str.__str__(str(obj))
    except Exception:
        return _described(obj)


def _described(obj: object) -> str:
    try:
        return describe(obj)
    except Exception:
        return broken(obj)


def message_of(record: logging.LogRecord, redactor: Redactor) -> str:
    """Return the record's message with its arguments, not yet redacted nor cut."""
    text = record.msg if type(record.msg) is str else shown(record.msg, redactor)
    args: object = record.args
    if not args:
        return text
    try:
        return text % _arguments(args, redactor)
    except Exception:  # "%d" % "x", too few or too many: the arguments are told all the same
        return f"{text} {redactor.value(args)}"


def _arguments(args: object, redactor: Redactor) -> object:
    if isinstance(args, tuple):
        if all(type(arg) in _SIMPLE for arg in args):
            return args
        return tuple(_argument(arg, redactor) for arg in args)
    if isinstance(args, dict):
        return {key: _named_argument(key, arg, redactor) for key, arg in args.items()}
    return (_argument(args, redactor),)


def _named_argument(key: object, arg: object, redactor: Redactor) -> object:
    if type(key) is str and redactor.is_secret_key(key):
        return redactor.pair(key, arg)
    return _argument(arg, redactor)


def _argument(arg: object, redactor: Redactor) -> object:
    kind = type(arg)
    # Decimal, Fraction, numpy's numbers: "%d" and "%.2f" must go on working.
    if kind in _SIMPLE or hasattr(kind, "__float__") or hasattr(kind, "__index__"):
        return arg
    return _Shown(arg, redactor)


def exception_of(record: logging.LogRecord, redactor: Redactor) -> dict[str, Json]:
    """Return the exception under OpenTelemetry's names (semconv, "Exceptions in logs"); empty if there is none."""
    exc = _exception(record.exc_info)
    if exc is None:
        return (
            {"exception.stacktrace": redactor.clip(str(record.exc_text), LONGEST_TRACEBACK)} if record.exc_text else {}
        )
    kind = type(exc)
    module = getattr(kind, "__module__", "")
    return {
        "exception.type": kind.__qualname__ if module in ("builtins", "") else f"{module}.{kind.__qualname__}",
        "exception.message": redactor.clip(shown(exc, redactor), LONGEST_MESSAGE),
        "exception.stacktrace": redactor.clip(_traceback(exc), LONGEST_TRACEBACK),
    }


def _exception(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _traceback(exc: BaseException) -> str:
    try:
        with no_queries():  # a traceback asks each exception of the chain for its text
            return "".join(traceback.format_exception(exc)).rstrip("\n")
    except Exception:
        try:
            return "".join(traceback.format_tb(exc.__traceback__)) + broken(exc)
        except Exception:
            return broken(exc)
