"""`logger`: the standard library's logger with fields as keywords; and the cheap way in for the access log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TypeAlias

from .binding import Binding, bound
from .fields import ACCESS, OVERFLOW, RECORD_ATTRIBUTES
from .records import may_be_quick, quick_record

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None

DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50


class StructuredLogger:
    """Log with fields: `logger.info("User action", user_id="123", metadata={...})`.

    Everything given by keyword becomes a field of the line, but for the standard library's own `exc_info`,
    `stack_info`, `stacklevel` and `extra`. Positional arguments go into the message as with `logging`. The logger
    behind it is named by the setting `LOGGER`; its levels, handlers and filters are those of `logging`.
    """

    __slots__ = ("_binding", "_logger", "_name")

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._binding: Binding | None = None
        self._logger = logging.getLogger(name or "artisan-platform")

    @property
    def target(self) -> logging.Logger:
        """The standard logger that takes the records."""
        binding = bound()
        if binding is not self._binding:
            self._binding = binding
            self._logger = logging.getLogger(self._name or binding.logger)
        return self._logger

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  (as logging calls it)
        """Tell whether a record of this level would be made."""
        return self.target.isEnabledFor(level)

    def debug(self, message: object, /, *args: object, **fields: object) -> None:
        """Log a DEBUG record."""
        target = self.target
        if target.isEnabledFor(DEBUG):
            _log(target, DEBUG, message, args, fields)

    def info(self, message: object, /, *args: object, **fields: object) -> None:
        """Log an INFO record."""
        target = self.target
        if target.isEnabledFor(INFO):
            _log(target, INFO, message, args, fields)

    def warning(self, message: object, /, *args: object, **fields: object) -> None:
        """Log a WARNING record."""
        target = self.target
        if target.isEnabledFor(WARNING):
            _log(target, WARNING, message, args, fields)

    def error(self, message: object, /, *args: object, **fields: object) -> None:
        """Log an ERROR record."""
        target = self.target
        if target.isEnabledFor(ERROR):
            _log(target, ERROR, message, args, fields)

    def critical(self, message: object, /, *args: object, **fields: object) -> None:
        """Log a CRITICAL record."""
        target = self.target
        if target.isEnabledFor(CRITICAL):
            _log(target, CRITICAL, message, args, fields)

    def exception(self, message: object, /, *args: object, **fields: object) -> None:
        """Log an ERROR record with the exception being handled."""
        target = self.target
        if target.isEnabledFor(ERROR):
            fields.setdefault("exc_info", True)
            _log(target, ERROR, message, args, fields)

    def log(self, level: int, message: object, /, *args: object, **fields: object) -> None:
        """Log a record of any level."""
        target = self.target
        if target.isEnabledFor(level):
            _log(target, level, message, args, fields)


def _log(
    target: logging.Logger, level: int, message: object, args: tuple[object, ...], fields: dict[str, object]
) -> None:
    exc_info: _ExcInfo = None
    stack: str | None = None
    # The caller's frame is two above; findCaller() would walk there in 1 us.
    frame = sys._getframe(2)
    path, line, function = frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
    if not _OPTIONS.isdisjoint(fields):
        exc_info = _exc_info(fields.pop("exc_info", None))
        stack_info, stacklevel = bool(fields.pop("stack_info", False)), fields.pop("stacklevel", 1)
        if stack_info or stacklevel != 1:
            above = stacklevel if isinstance(stacklevel, int) else 1
            path, line, function, stack = target.findCaller(stack_info, above + 2)
        extra = fields.pop("extra", None)
        if isinstance(extra, Mapping):
            fields = {**{str(key): value for key, value in extra.items()}, **fields}
    if may_be_quick() and type(target) is logging.Logger:
        record = quick_record(target.name, level, path, line, message, args, function)
        record.exc_info, record.stack_info = exc_info, stack
    else:
        record = target.makeRecord(target.name, level, path, line, message, args, exc_info, function, None, stack)
    if RECORD_ATTRIBUTES.isdisjoint(fields):
        record.__dict__.update(fields)
    else:
        _attach(record, fields)
    target.handle(record)


_OPTIONS = frozenset(("exc_info", "stack_info", "stacklevel", "extra"))


def _attach(record: logging.LogRecord, fields: dict[str, object]) -> None:
    """Add the fields to a record, those that are called like one of its own attributes aside."""
    own = record.__dict__
    own[OVERFLOW] = {key: value for key, value in fields.items() if key in RECORD_ATTRIBUTES}
    own.update((key, value) for key, value in fields.items() if key not in RECORD_ATTRIBUTES)


def _exc_info(given: object) -> _ExcInfo:
    if not given:
        return None
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple) and len(given) == 3:
        return given
    return sys.exc_info()


logger = StructuredLogger()

ACCESS_LOGGER = "artisan_monitoring.access"
access_logger = logging.getLogger(ACCESS_LOGGER)


def log_access(level: int, message: str, fields: dict[str, str | int | float | None]) -> None:
    """Log one request, as cheaply as a record can be made that any handler takes.

    `fields` come from our middleware: their keys are taken as they are (none may be called like an attribute of a
    record), and only what the client sent (`fields.CLIENT_FIELDS`) is searched for secrets. Nothing is made if no
    handler would take it.
    """
    if not access_logger.isEnabledFor(level):
        return
    takers: list[logging.Handler] = []
    source: logging.Logger | None = access_logger
    while source is not None:
        for handler in source.handlers:
            if level >= handler.level:
                takers.append(handler)  # noqa: PERF401  (a comprehension is a call: 0.2 us)
        if not source.propagate:
            break
        source = source.parent
    if not takers:
        return
    if may_be_quick():
        record = quick_record(ACCESS_LOGGER, level, __file__, 0, message, (), "log_access")
    else:
        record = logging.getLogRecordFactory()(ACCESS_LOGGER, level, __file__, 0, message, (), None, "log_access")
    own = record.__dict__
    own[ACCESS] = fields
    own.update(fields)
    if access_logger.filters and not access_logger.filter(record):
        return
    for handler in takers:
        handler.handle(record)
