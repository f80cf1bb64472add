"""Exceptions that Django answers itself (400, 403, 404): recorded only for the statuses that a project names.

Django sends no signal for them, and a middleware sees neither what another middleware nor what the URL resolver raised.
So, and only where `ERRORS["ANSWERED"]` names a status, the one function of Django that makes the answers is wrapped.
"""

from __future__ import annotations

from functools import wraps

from django.http import HttpRequest, HttpResponse

from ..conf import get_settings, on_settings_change
from ..core.guard import guarded
from ..core.records import AlertSeverity

MECHANISM = "answered"


class _Bound:
    """Which statuses are asked for, and whether Django's function is wrapped already."""

    statuses: frozenset[int] = frozenset()
    wrapped = False


def _wrap() -> None:
    from django.core.handlers import exception as handlers

    answer = handlers.response_for_exception

    @wraps(answer)
    def response_for_exception(request: HttpRequest, exc: Exception) -> HttpResponse:
        response = answer(request, exc)
        if response.status_code in _Bound.statuses:
            with guarded("errors.answered"):
                from .capture import capture_exception

                told = {"status": response.status_code}
                capture_exception(
                    exc, handled=True, mechanism=MECHANISM, severity=AlertSeverity.LOW, context=told, request=request
                )
        return response

    handlers.response_for_exception = response_for_exception
    _Bound.wrapped = True


@on_settings_change
def bind() -> None:
    """Take over the settings; the first status named wraps the function, none named later leaves it idle."""
    chosen = get_settings()
    _Bound.statuses = frozenset(status for status in chosen.ERRORS.ANSWERED if status < 500)
    if _Bound.statuses and not _Bound.wrapped:
        _wrap()
