"""What Django itself refuses (unknown hosts, CSRF, suspicious operations), taken from its loggers `django.security.*`.

There is no signal for these: Django answers them with 400 or 403 and only logs them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from django.http import HttpRequest

from ..core.guard import never_raises
from .events import Sighting, origin_of, record

PARENT = "django.security"

EVENTS: Mapping[str, str] = {
    "csrf": "malicious_csrf",
    "DisallowedHost": "input_validation_fail",
    "DisallowedRedirect": "malicious_extraneous",
    "DisallowedModelAdminLookup": "malicious_orm_lookup",
    "DisallowedModelAdminToField": "malicious_extraneous",
    "InvalidSessionKey": "malicious_extraneous",
    "SuspiciousFileOperation": "malicious_lfi",
    "SuspiciousMultipartForm": "malicious_extraneous",
    "SuspiciousSession": "malicious_extraneous",
}
"""Events by the last part of the logger's name; others (`RequestDataTooBig` ...) are input that failed validation."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class RefusalHandler(logging.Handler):
    """Turns a record of `django.security.*` into a security event; writes nothing itself."""

    @never_raises("security.refusals")
    def emit(self, record_: logging.LogRecord) -> None:
        name = record_.name.rpartition(".")[2]
        request = getattr(record_, "request", None)
        origin = origin_of(request if isinstance(request, HttpRequest) else None)
        rule = _WORD.sub("_", name).lower()
        status = getattr(record_, "status_code", None)
        event = EVENTS.get(name, "input_validation_fail")
        record(Sighting(event, origin, rule=f"django.{rule}", status=status if isinstance(status, int) else None))


_handler = RefusalHandler()


def attach() -> None:
    """Listen to Django's security loggers, also to those that the project's LOGGING keeps from their parent.

    The handler is added to what LOGGING set up; nothing of the host's is changed. Idempotent.
    """
    logging.getLogger(PARENT).addHandler(_handler)
    for name, each in list(logging.Logger.manager.loggerDict.items()):
        if name.startswith(f"{PARENT}.") and isinstance(each, logging.Logger) and not each.propagate:
            each.addHandler(_handler)
