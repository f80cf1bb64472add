"""`error_tracker`: how a project reports an exception that it has caught itself."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest

from ..core.awaited import DONE, Done
from ..core.reach import in_reach_of
from ..core.records import AlertSeverity
from .capture import capture_exception
from .grouping import Parts


class ErrorTracker:
    """Report handled exceptions; unhandled ones are seen without it."""

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


error_tracker = ErrorTracker()
