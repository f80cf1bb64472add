"""Record a log record as an error: by its exception, or by its unformatted message where it has none."""

from __future__ import annotations

import logging
import re

from ..core.plain import no_queries
from ..core.records import AlertSeverity
from .capture import capture_exception, capture_message
from .trails import fields_of, message_of

MECHANISM = "log"
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d.*]*[a-zA-Z]")


def capture_record(record: logging.LogRecord) -> None:
    """Record it once: an exception that was seen before stays one."""
    severity = AlertSeverity.CRITICAL if record.levelno >= logging.CRITICAL else None
    exc = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    with no_queries():
        message = message_of(record)
    fields = fields_of(record)
    if exc is not None:
        context = {"logged": message, **fields}
        capture_exception(
            exc, handled=True, mechanism=MECHANISM, severity=severity, context=context, logger=record.name
        )
        return
    template = record.msg if type(record.msg) is str and _says_something(record.msg) else message
    capture_message(
        message,
        template=template,
        logger=record.name,
        mechanism=MECHANISM,
        severity=severity,
        context=fields,
        where=f"{record.module} in {record.funcName}",
    )


def _says_something(template: str) -> bool:
    """Say whether there are words in a template: of "%s: %s" all errors of a logger would be one."""
    return any(character.isalpha() for character in _PLACEHOLDER.sub("", template))
