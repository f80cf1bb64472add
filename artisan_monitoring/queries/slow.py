"""Slow queries: counted always, and logged with the normalised statement and the line of the project that made them."""

from __future__ import annotations

import sys
import time
from types import FrameType

from ..conf import get_settings, on_settings_change
from ..core.guard import never_raises
from ..core.spending import accounted
from ..core.stacks import FrameReader, short_path
from ..logs.logger import logger
from ..metrics.collector import metrics_collector
from ..pipeline.overhead import overhead
from .statements import digest, normalise, operation_of

MESSAGE = "Slow query"
# A walk ends here: a stack this deep is recursion, and the line would tell nothing.
MAX_FRAMES = 200

_slow_queries = metrics_collector.handle("artisan.db.slow_queries", unit="{query}", kind="counter")
_frames = FrameReader()


class MinuteLimit:
    """Let so many through a minute: a database that is slow for everyone must not flood the log."""

    def __init__(self) -> None:
        self._minute = 0
        self._used = 0

    def allows(self, most: int, now: float) -> bool:
        """Tell whether one more may pass in the minute of `now` (seconds), and count it if so."""
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        return self._used <= most


_limit = MinuteLimit()


@accounted
@never_raises("queries.slow")
def report_slow(sql: object, duration_s: float, *, alias: str, vendor: str, system: str) -> None:
    """Count a slow query, and log it while the minute's allowance lasts. Never sees a parameter."""
    text = sql_text(sql)
    operation = operation_of(text)
    _slow_queries.add(1, (("db.namespace", alias), ("db.operation.name", operation), ("db.system.name", system)))
    if not _limit.allows(get_settings().QUERIES.SLOW_LOGS_PER_MINUTE, time.time()):
        return
    told = {"duration_ms": round(duration_s * 1000, 3), "database": alias, "operation": operation}
    if not overhead.off("sql"):
        statement = normalise(text, vendor)
        caller = calling_line(sys._getframe(1))
        told |= {"statement": statement, "statement_hash": digest(statement), "caller": caller}
    logger.warning(MESSAGE, **told)


def sql_text(sql: object) -> str:
    """Return the text of what a cursor was given: a string, bytes, or one of psycopg's composables."""
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    render = getattr(sql, "as_string", None)
    return str(render(None)) if render else ""


def calling_line(frame: FrameType | None) -> str:
    """Return the first frame outwards that is the project's own, as "shop/views.py:41 in products"; "" when none is.

    An async ORM call runs in a thread whose stack does not hold its caller: then there is none.
    """
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        if _frames.in_app(str(frame.f_globals.get("__name__", "")), code.co_filename):
            return f"{short_path(code.co_filename)}:{frame.f_lineno} in {code.co_qualname}"
        frame = frame.f_back
    return ""


@on_settings_change
def _bind() -> None:
    global _frames
    chosen = get_settings().ERRORS
    _frames = FrameReader(chosen.IN_APP_INCLUDE, chosen.IN_APP_EXCLUDE)
