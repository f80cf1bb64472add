"""Log handlers diverted: every line that one would write is kept here instead, as its own formatter made it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

Lines = list[tuple[str, str]]
"""Where a line would have gone, and the line."""


@contextmanager
def listening() -> Iterator[Lines]:
    """Keep what the handlers of all loggers would write inside the block; nothing of it is written or sent."""
    lines: Lines = []
    diverted = [(handler, _divert(handler, lines)) for handler in _handlers()]
    try:
        yield lines
    finally:
        for handler, names in diverted:
            for name in names:
                vars(handler).pop(name, None)


def _handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    found = {id(handler): handler for each in loggers for handler in getattr(each, "handlers", ())}
    return list(found.values())


def _divert(handler: logging.Handler, lines: Lines) -> list[str]:
    """Replace what writes, on this one object; return the names to take off again."""
    where = f"log ({type(handler).__name__})"
    replaced: dict[str, Callable[..., Any]] = {}
    if hasattr(handler, "send_mail"):  # Django's AdminEmailHandler makes a report of its own, if there is anybody
        replaced["send_mail"] = lambda *args, **kwargs: lines.append((where, repr((args, kwargs))))
        replaced["emit"] = lambda record: type(handler).emit(handler, record) if settings.ADMINS else None
    else:
        replaced["emit"] = lambda record: lines.append((where, handler.format(record)))
    if hasattr(handler, "put"):  # our own: lines that are made without a record
        replaced["put"] = lambda line, level: lines.append((where, line))
    vars(handler).update(replaced)
    return list(replaced)
