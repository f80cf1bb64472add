"""The access log: one record a request, put together in one step where only our own handlers write our own JSON.

A record's way through the standard library (a `LogRecord` of 20 attributes, a dictionary of the line, an encoder) costs
12 us; a line whose parts are known beforehand 4. Whatever is not plain takes the long way, so that it is written, cut,
repaired and redacted there and nowhere else.
"""

from __future__ import annotations

import logging
from operator import attrgetter

from ..core.context import Key, Observation, task, user_pk
from . import binding, context
from .access_lines import Lines
from .formatters import JsonFormatter
from .forwarding import ForwardingHandler
from .handlers import DailyFileHandler, LineHandler, ListeningHandler, StdoutHandler
from .logger import access_logger, log_access
from .nonblocking import NonBlockingHandler

# Subclasses are the host's, and may do anything.
_WRITERS: frozenset[type[object]] = frozenset((StdoutHandler, DailyFileHandler, NonBlockingHandler, ForwardingHandler))

_handler_state = attrgetter("level", "filters", "formatter")


def log_request(level: int, request: Observation) -> None:
    """Log a request that has ended. Nothing is made if no handler would take it."""
    plan = _plans.get(level)
    # The set-up is read by C functions and compared whole: it may change at any time, and tells nobody.
    if (
        plan is None
        or plan.chain(access_logger) != plan.chain_state
        or list(map(_handler_state, plan.handlers)) != plan.handler_states
    ):
        plan = _plans[level] = _Plan(level)
    formatter = plan.formatter
    if (
        formatter is not None
        and logging.getLogRecordFactory() is context.make_record
        and context._previous is logging.LogRecord  # as wraps_standard() says: each call is 0.3 us of a request
        and not (Key.used and (user_pk.get() is not None or task.get() is not None))
    ):
        lines = _Current.lines
        if lines is None or lines.formatter is not formatter or lines.binding is not binding.live:
            lines = _Current.lines = Lines(formatter)
        line = lines.make(level, request)
        if line is not None:
            for writer in plan.writers:
                writer.put(line, level)
            return
    if plan.taken:
        log_access(level, f"{request.method} {request.path} {request.status}", fields_of(request))


def fields_of(request: Observation) -> dict[str, str | int | float | None]:
    """Return what the record of a request says beside its message and context."""
    fields: dict[str, str | int | float | None] = {
        "method": request.method,
        "path": request.path,
        "route": request.route,
        "status": request.status,
        "duration_ms": round(request.elapsed_s * 1000, 3),
    }
    if request.size_bytes >= 0:
        fields["bytes"] = request.size_bytes
    if request.query_count:
        fields["queries"] = request.query_count
        fields["query_ms"] = round(request.query_time_s * 1000, 3)
    if request.error_type:
        fields["error_type"] = request.error_type
    if request.user_pk is not None:
        fields["user_pk"] = request.user_pk
    if request.user_agent:
        fields["user_agent"] = request.user_agent
    return fields


class _Plan:
    """Who takes records of a level, as long as loggers and handlers are set up as they were when this was made."""

    __slots__ = ("chain", "chain_state", "formatter", "handler_states", "handlers", "taken", "writers")

    def __init__(self, level: int) -> None:
        loggers = _loggers()
        names = ["disabled", "filters", "manager.disable"]
        names += [
            f"{'parent.' * depth}{name}" for depth in range(len(loggers)) for name in ("handlers", "level", "propagate")
        ]
        self.chain = attrgetter(*names)
        # Copies: the loggers' own lists are changed in place.
        self.chain_state = tuple(list(each) if isinstance(each, list) else each for each in self.chain(access_logger))
        self.handlers = [
            handler
            for logger in loggers
            for handler in logger.handlers
            if not isinstance(handler, ListeningHandler)  # which wants no record of a request that ended
        ]
        self.handler_states = [
            (threshold, list(filters), formatter)
            for threshold, filters, formatter in map(_handler_state, self.handlers)
        ]
        takers = [each for each in self.handlers if level >= each.level] if access_logger.isEnabledFor(level) else []
        self.taken = bool(takers)
        self.writers = [each for each in takers if isinstance(each, LineHandler | NonBlockingHandler)]
        self.formatter = _one_formatter(takers)


def _loggers() -> list[logging.Logger]:
    """Return the loggers whose handlers get the records, the access logger first."""
    found: list[logging.Logger] = []
    source: logging.Logger | None = access_logger
    while source is not None:
        found.append(source)
        source = source.parent if source.propagate else None
    return found


def _one_formatter(takers: list[logging.Handler]) -> JsonFormatter | None:
    """Return the formatter of all takers, if it makes our lines and nobody else has a say in what is written."""
    if access_logger.filters or not takers:
        return None
    formatter = takers[0].formatter
    if type(formatter) is not JsonFormatter or formatter.adapts:
        return None
    plain = all(type(each) in _WRITERS and not each.filters and each.formatter is formatter for each in takers)
    return formatter if plain else None


_plans: dict[int, _Plan] = {}


class _Current:
    """The lines of the formatter last used; most processes have one."""

    lines: Lines | None = None
