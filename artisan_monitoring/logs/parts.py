"""A log record as one flat dictionary of plain, redacted values: what both formats write."""

from __future__ import annotations

import json
import logging
import time

from ..core.redaction import Json
from . import context
from .binding import Binding, bound
from .fields import ACCESS, STANDARD, Plans, access_fields_of, add_fields, fields_of
from .messages import LONGEST_MESSAGE, LONGEST_TRACEBACK, exception_of, message_of, shown

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
# Formatting six digits takes 0.3 us, looking up twice three 0.1.
DIGITS = tuple(f"{number:03d}" for number in range(1000))


class Parts:
    """Read records; bound to the settings at the first record and again after each change of them.

    `environment` wins over the setting; an empty one leaves it to the setting.
    """

    __slots__ = ("_binding", "_ending", "_environment", "_plans", "_second", "_static")

    def __init__(self, environment: str = "") -> None:
        self._environment = environment
        self._second = (-1, "")
        self._bind(bound())

    def _bind(self, binding: Binding) -> None:
        self._binding = binding
        self._plans = Plans(binding.redactor)
        environment = self._environment or binding.environment
        named = {"service": binding.service, "environment": environment, "release": binding.release}
        self._static: dict[str, Json] = {key: value for key, value in named.items() if value}
        self._ending = "".join(f',"{key}":{json.dumps(value)}' for key, value in self._static.items()) + "}"

    def ending(self) -> str:
        """Return what every line ends with, as JSON: service, environment, release and the brace."""
        binding = bound()
        if binding is not self._binding:
            self._bind(binding)
        return self._ending

    def of(self, record: logging.LogRecord) -> tuple[dict[str, Json], bool]:
        """Return the line's values in their order, and whether something was left out. A broken record may raise."""
        binding = bound()
        if binding is not self._binding:
            self._bind(binding)
        redactor = binding.redactor
        own = record.__dict__
        message = record.msg if type(record.msg) is str and not record.args else self._message(record)
        cut = len(message) > LONGEST_MESSAGE
        line: dict[str, Json] = {
            "timestamp": self.timestamp(record.created),
            "level": _LEVELS.get(record.levelno) or redactor.clip(str(record.levelname), 40),
            "logger": record.name,
            "message": message,
        }
        stamped = own.get(context.ATTRIBUTE)
        if stamped is not None:
            line.update(stamped)
        access = own.get(ACCESS)
        if access is not None and len(own) == STANDARD + 1 + len(access) + (stamped is not None):
            cut = access_fields_of(access, redactor, line)
        else:
            line["message"] = redactor.clip(message, LONGEST_MESSAGE) if cut else redactor.text(message)
            cut = fields_of(record, self._plans, line) or cut
            if type(record.msg) is dict:
                cut = add_fields(record.msg, self._plans, line) or cut
        line.update(self._static)
        if record.levelno >= logging.WARNING and access is None:  # an access record's origin is always the same
            line["location"] = f"{record.pathname}:{record.lineno}"
        if record.exc_info or record.exc_text or record.stack_info:
            self._add_stacks(record, line)
        return line, cut

    def _add_stacks(self, record: logging.LogRecord, line: dict[str, Json]) -> None:
        redactor = self._binding.redactor
        if record.exc_info or record.exc_text:
            line.update(exception_of(record, redactor))
        if record.stack_info:
            line["stack"] = redactor.clip(str(record.stack_info), LONGEST_TRACEBACK)

    def _message(self, record: logging.LogRecord) -> str:
        msg: object = record.msg
        if isinstance(msg, dict):  # python-json-logger's convention: the dictionary's items are fields
            return shown(msg.get("message", msg.get("event", "")), self._binding.redactor)
        return message_of(record, self._binding.redactor)

    def timestamp(self, created: float) -> str:
        """Return RFC 3339 in UTC with microseconds; the text of the running second is kept."""
        second = int(created)
        known, text = self._second
        if second != known:
            text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second = (second, text)
        micro = int((created - second) * 1e6)
        return text + DIGITS[micro // 1000] + DIGITS[micro % 1000] + "Z"
