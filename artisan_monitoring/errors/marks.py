"""Mark an exception as recorded, so that it counts once whoever sees it: a handler, the signal, a task, a log call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..core import context as ctx

MARK = "_artisan_recorded"
# Outside a request or task there is nothing to tell "the same raise" by: within this time it is.
SAME_RAISE_S = 2.0

# The slot itself, whatever a subclass has put in front of it: __slots__, a frozen __setattr__, a __getattribute__.
own_attributes: Callable[[BaseException], dict[str, Any]] = BaseException.__dict__["__dict__"].__get__
"""Return the attributes of an exception, whatever its class does about them."""


def current_unit() -> str | None:
    """Return what names the unit of work that runs, if one does."""
    return ctx.request_id.get() or ctx.task.get()


def first_sight(exc: BaseException) -> bool:
    """Mark the exception, and say whether this unit of work sees it for the first time.

    The mark names the unit of work: an exception object kept in a module and raised by every request counts each time.
    Plain values only, for whoever pickles the exception.
    """
    unit = current_unit()
    now = time.monotonic()
    own = own_attributes(exc)
    seen = own.get(MARK)
    own[MARK] = (unit, now)
    if seen is None or seen[0] != unit:
        return True
    return unit is None and now - float(seen[1]) > SAME_RAISE_S
