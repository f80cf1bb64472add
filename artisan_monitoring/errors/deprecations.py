"""Warnings that something will go away, recorded once a place where `ERRORS["WARNINGS"]` asks for it."""

from __future__ import annotations

import sys
import warnings
from typing import TextIO

from ..conf import get_settings
from ..core.guard import guarded
from ..core.records import AlertSeverity

KINDS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


class _Hooked:
    done = False


def watch_warnings() -> None:
    """Hang behind `warnings.showwarning`, which Python means to be replaced, and let deprecations be shown."""
    if _Hooked.done or not get_settings().ERRORS.WARNINGS:
        return
    _Hooked.done = True
    if not sys.warnoptions:
        # Python hides them; whoever used -W or PYTHONWARNINGS has said what to see. Each place is told once.
        for kind in KINDS:
            warnings.simplefilter("default", kind)
    before = warnings.showwarning

    def showwarning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        with guarded("errors.warning"):
            _capture(message, category)
        before(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning


def _capture(message: Warning | str, category: type[Warning]) -> None:
    if get_settings().ERRORS.WARNINGS and issubclass(category, KINDS):
        from .capture import capture_exception

        warned = message if isinstance(message, Warning) else category(message)
        capture_exception(warned, handled=True, mechanism="warning", severity=AlertSeverity.LOW)
