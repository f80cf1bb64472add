"""One guard for everything of ours that runs inside the host: log once a minute, count, go on."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")

LOG_EVERY_S = 60.0

failures: Counter[str] = Counter()
"""How often each guarded place failed in this process."""

_logged_at: dict[str, float] = {}
_logger = logging.getLogger("artisan_monitoring")


def report(what: str, exc: BaseException) -> None:
    """Count a failure of ours at `what`, and log it at most once a minute per place."""
    failures[what] += 1
    tell(what, exc)


def tell(what: str, exc: BaseException) -> None:
    """Log a failure at `what` at most once a minute, without counting it: for what is counted elsewhere.

    A class that is marked `passing` is told in one line, any other with its traceback.
    """
    now = time.monotonic()
    if now - _logged_at.get(what, -LOG_EVERY_S) < LOG_EVERY_S:
        return
    _logged_at[what] = now
    try:
        if getattr(type(exc), "passing", False):
            _logger.warning("Monitoring waits at %s: %s: %s", what, type(exc).__qualname__, exc)
        else:
            _logger.warning("Monitoring failed at %s: %s", what, type(exc).__qualname__, exc_info=exc)
    except Exception:  # the host's own log handler is broken: nothing is left that could be told
        failures["guard.log"] += 1


def never_raises(what: str, default: D | None = None) -> Callable[[Callable[P, R]], Callable[P, R | D | None]]:
    """Decorate a function so that an exception in it is reported as `what` and `default` is returned.

    `BaseException` (cancellation, `SystemExit`) passes through: it is not ours to keep.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R | D | None]:
        @wraps(function)
        def guarded_function(*args: P.args, **kwargs: P.kwargs) -> R | D | None:
            try:
                return function(*args, **kwargs)
            except Exception as exc:
                report(what, exc)
                return default

        return guarded_function

    return decorate


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Run the block; an exception in it is reported as `what` and swallowed."""
    try:
        yield
    except Exception as exc:
        report(what, exc)
