"""`error_tracker`: what a project says to error capture: report, add context, tag, leave breadcrumbs, ignore."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.http import HttpRequest

from ..core import trail
from ..core.awaited import DONE, Done
from ..core.reach import in_reach_of
from ..core.records import AlertSeverity
from . import log_handler, refusing, scope, uncaught
from .capture import capture_exception, forget_refusals
from .grouping import Parts


class ErrorTracker:
    """Report handled exceptions, and say what is known around those that nobody handles."""

    def track_error(
        self,
        exc: BaseException,
        severity: AlertSeverity = AlertSeverity.MEDIUM,
        context: Mapping[str, object] | None = None,
        request: HttpRequest | None = None,
        *,
        fingerprint: Parts = None,
    ) -> Done[None]:
        """Record an exception with a severity and free `context` (redacted), once however often it is tracked.

        Works with and without `await`. Never raises. Without `request`, the one that runs now is taken. `fingerprint`
        (text, or a list of text) says which errors are one group; `"{{ default }}"` in it is what it would be else.
        """
        with in_reach_of(request):
            capture_exception(
                exc,
                handled=True,
                mechanism="track_error",
                severity=severity,
                context=context,
                request=request,
                fingerprint=fingerprint,
            )
        return DONE

    def add_breadcrumb(self, message: str, category: str = "", level: str = "info", **data: object) -> None:
        """Note a step of the request or task that runs, shown on the trail of an error that comes after it.

        `data` is kept as it is until the unit of work ends, and redacted if it fails. The latest 50 are kept.
        """
        if category or level != "info":
            data = {**({"category": category} if category else {}), "level": level, **data}
        trail.here().told.append((trail.BREADCRUMB, time.perf_counter(), None, message, data))

    def context(self, *, tags: Mapping[str, object] | None = None, **context: object) -> scope.Scope:
        """Add context, and `tags`, to every error inside a block or function: `with`, `async with`, decorator.

        Also to one that leaves the block and that nobody catches.
        """
        return scope.Scope(context, tags or {})

    def set_tag(self, name: str, value: object) -> None:
        """Tag every error of the request or task that runs, from now on: a tenant, a plan, a device. At most 20 tags of
        200 characters.
        """
        scope.set_tag(name, value)

    def ignore(self, *what: type[BaseException] | str) -> None:
        """Record no more errors of these classes (or dotted names of classes), nor records of loggers of these names.

        For the whole process, beside `ERRORS["IGNORE"]`. Raise TypeError for anything else.
        """
        refusing.ignore(*what)
        forget_refusals()
        log_handler.forget()

    def watch_event_loop(self) -> None:
        """Record what the running event loop reports of tasks that nobody awaits. Under ASGI that is done already."""
        uncaught.watch_running_loop()


error_tracker = ErrorTracker()
