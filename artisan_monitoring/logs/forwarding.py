"""A handler that hands finished lines on instead of writing them: how log records come to be exported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

from . import counters
from .formatters import JsonFormatter
from .handlers import LineHandler

Forward: TypeAlias = Callable[[str, int], None]
"""Takes a line of JSON, redacted, and the number of its level; does no I/O, and waits for nothing."""

silent: ContextVar[bool] = ContextVar("artisan_not_forwarded", default=False)
"""Set while records are being exported: what that logs must not be exported in its turn."""


class ForwardingHandler(LineHandler):
    """Give each record's line to `forward`. Without a lock: what takes the line has its own."""

    primary = False

    def __init__(self, forward: Forward, level: int, without: str) -> None:
        super().__init__(level)
        self._forward = forward
        self._without = without
        """The logger of the exporter."""

    def createLock(self) -> None:  # noqa: N802  (as logging calls it)
        """Make none."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Forward the record's line, unless the exporter made it."""
        if record.name == self._without or silent.get():
            return
        try:
            formatter = self.formatter
            self._forward(formatter.format(record) if formatter is not None else self.format(record), record.levelno)
        except Exception:
            counters.write_errors += 1

    def put(self, line: str, level: int) -> None:
        """Forward a finished line, given with its line end."""
        try:
            self._forward(line[:-1], level)
        except Exception:
            counters.write_errors += 1


def shared_formatter() -> JsonFormatter:
    """Return the formatter of the root logger's handlers where it writes our own JSON, else one of our own.

    With the same one the access log makes one line for both, in the short way.
    """
    for handler in logging.getLogger().handlers:
        found = handler.formatter
        if type(found) is JsonFormatter and not found.adapts:
            return found
    return JsonFormatter()
