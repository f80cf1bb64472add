"""What is wrong with the settings of error capture, for the system checks."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.utils.module_loading import import_string

from ..conf import get_settings
from ..core.trail import KINDS

TRAIL = (*(kind for kind in KINDS if kind != "breadcrumb"), "httpx")
"""What `ERRORS["TRAIL"]` may name. Breadcrumbs are always there: who leaves none has none."""


def problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and what to do about it."""
    chosen = get_settings().ERRORS
    for kind in chosen.TRAIL:
        if kind not in TRAIL:
            yield f"ERRORS['TRAIL'] names {kind!r}, which there is not.", f"Use some of {', '.join(TRAIL)}."
    if chosen.LOGS and not isinstance(logging.getLevelName(chosen.LOGS.upper()), int):
        yield f"ERRORS['LOGS'] is {chosen.LOGS!r}, which is no level.", "Use a level such as ERROR; empty: no records."
    for status in chosen.ANSWERED:
        if not 400 <= status < 500:
            yield f"ERRORS['ANSWERED'] names {status}.", "Name statuses from 400 to 499: failures are recorded anyhow."
    if chosen.BEFORE_SEND:
        yield from _of_hook(chosen.BEFORE_SEND)


def _of_hook(path: str) -> Iterator[tuple[str, str]]:
    try:
        hook = import_string(path)
    except ImportError as exc:
        hook, why = None, f" cannot be imported: {exc}"
    else:
        why = " is not callable"
    if not callable(hook):
        yield f"ERRORS['BEFORE_SEND'] {path!r}{why}.", "Name a function by its dotted path: it gets each event."
