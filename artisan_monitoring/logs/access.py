"""The access log: one record a request, put together in one step where only our own handlers write our own JSON.

A record's way through the standard library (a `LogRecord` of 20 attributes, a dictionary of the line, an encoder) costs
12 us; a line whose parts are known beforehand 4. Whatever is not plain takes the long way, so that it is written, cut,
repaired and redacted there and nowhere else.
"""

from __future__ import annotations

import json
import json.encoder
import logging
from typing import TypeVar

from ..core.context import Observation, task, user_pk
from . import binding, context
from .formatters import JsonFormatter
from .handlers import DailyFileHandler, ListeningHandler, StdoutHandler
from .logger import ACCESS_LOGGER, access_logger, log_access
from .nonblocking import NonBlockingHandler
from .parts import DIGITS

K = TypeVar("K")
V = TypeVar("V")

# Subclasses are the host's, and may do anything.
_WRITERS: frozenset[type[object]] = frozenset((StdoutHandler, DailyFileHandler, NonBlockingHandler))
# What `json` leaves as it is, or writes though it is no Unicode: `lines` knows what to do with it.
_DELETE = "\x7f"
_SURROGATE = "\\ud"
_LEVELS = {logging.INFO: "INFO", logging.WARNING: "WARNING", logging.ERROR: "ERROR"}
_MOST_REMEMBERED = 1_000
_LONGEST_PART = 8_000
_LONGEST_PATH = 300
_LONGEST_METHOD = 32
_quoted = json.encoder.encode_basestring_ascii


def log_request(level: int, request: Observation) -> None:
    """Log a request that has ended. Nothing is made if no handler would take it."""
    if not access_logger.isEnabledFor(level):
        return
    takers, formatter = _takers(level)
    if formatter is not None:
        lines = _Current.lines
        if lines is None or lines.formatter is not formatter or lines.binding is not binding.live:
            lines = _Current.lines = _Lines(formatter)
        line = lines.make(level, request)
        if line is not None:
            for taker in takers:
                taker.put(line, level)  # type: ignore[attr-defined]  # all of `_WRITERS` have it
            return
    if takers:
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


def _takers(level: int) -> tuple[list[logging.Handler], JsonFormatter | None]:
    """Return who takes records of this level, and their one formatter if nobody else has a say in what is written."""
    takers: list[logging.Handler] = []
    formatter: logging.Formatter | None = None
    plain = (
        not access_logger.filters
        and logging.getLogRecordFactory() is context.make_record
        and context._previous is logging.LogRecord  # as wraps_standard() says: each call is 0.3 us of a request
        and user_pk.get() is None
        and task.get() is None
    )
    source: logging.Logger | None = access_logger
    while source is not None:
        for handler in source.handlers:
            if level >= handler.level and not isinstance(handler, ListeningHandler):
                if type(handler) not in _WRITERS or handler.filters or (takers and handler.formatter is not formatter):
                    plain = False
                formatter = handler.formatter
                takers.append(handler)
        if not source.propagate:
            break
        source = source.parent
    if plain and type(formatter) is JsonFormatter and not formatter.adapts:
        return takers, formatter
    return takers, None


class _Lines:
    """Makes lines for one formatter and state of the settings, out of parts that come again and again.

    The hot path of every request: few calls, and short cuts by value.
    """

    __slots__ = (
        "_agents",
        "_ending",
        "_endpoints",
        "_moment",
        "_paths",
        "_redactor",
        "_second",
        "binding",
        "formatter",
    )

    def __init__(self, formatter: JsonFormatter) -> None:
        self.formatter = formatter
        self.binding = binding.bound()
        self._redactor = self.binding.redactor
        self._second, self._moment = -1, ""
        self._ending = formatter.parts.ending()
        self._endpoints: dict[tuple[int, str, str | None, int | None], tuple[str, str, str, str]] = {}
        self._paths: dict[str, str | None] = {}
        self._agents: dict[str, str | None] = {}

    def make(self, level: int, request: Observation) -> str | None:
        """Return the line that the long way would write, or nothing where it might be another one."""
        path = self._paths.get(request.path) or self._path(request.path)
        agent = self._agents.get(request.user_agent) or self._agent(request.user_agent)
        endpoint = self._endpoints.get((level, request.method, request.route, request.status))
        if endpoint is None:
            endpoint = self._endpoint(level, request)
        rare = _rare(request) if request.query_count or request.error_type or request.user_pk is not None else ""
        if path is None or endpoint is None or agent is None or rare is None:
            return None
        start, after_message, after_ids, after_path = endpoint
        client = f'","client":"{request.client_shown}' if request.client_shown else ""
        size = f',"bytes":{request.size_bytes}' if request.size_bytes >= 0 else ""
        ended = request.started_at + request.elapsed_s
        second = int(ended)
        if second != self._second:
            self._second, self._moment = second, f'{{"timestamp":"{self.formatter.parts.timestamp(second)[:-7]}'
        micro = int((ended - second) * 1e6)
        return (
            f"{self._moment}{DIGITS[micro // 1000]}{DIGITS[micro % 1000]}Z{start}{path}{after_message}"
            f'{request.request_id}","trace_id":"{request.trace_id}","span_id":"{request.span_id}{client}{after_ids}{path}{after_path}'
            f"{request.elapsed_s * 1000:.3f}{size}{rare}{agent}"
        )

    def _path(self, path: str) -> str | None:
        """Return a path as JSON without its quotes, if it holds no secret."""
        if len(path) > _LONGEST_PATH or self._redactor.text(path) is not path:
            return None
        return _remember(self._paths, path, _plain(_quoted(path)[1:-1]))

    def _agent(self, agent: str) -> str | None:
        """Return what a line ends with from the user agent on."""
        said = f',"user_agent":{_quoted(self._redactor.clip(agent))}' if agent else ""
        return _remember(self._agents, agent, _plain(f"{said}{self._ending}"))

    def _endpoint(self, level: int, request: Observation) -> tuple[str, str, str, str] | None:
        """Return what stands between the parts that differ from request to request."""
        if len(request.method) > _LONGEST_METHOD:
            return None
        method, route, status = _quoted(request.method)[1:-1], json.dumps(request.route), json.dumps(request.status)
        parts = (
            f'","level":"{_LEVELS[level]}","logger":"{ACCESS_LOGGER}","message":"{method} ',
            f' {request.status}","request_id":"',
            f'","method":"{method}","path":"',
            f'","route":{route},"status":{status},"duration_ms":',
        )
        if _plain("".join(parts)) is None:
            return None
        return _remember(self._endpoints, (level, request.method, request.route, request.status), parts)


def _rare(request: Observation) -> str | None:
    """Return what only some requests have."""
    rare = ""
    if request.query_count:
        rare += f',"queries":{request.query_count},"query_ms":{round(request.query_time_s * 1000, 3)}'
    if request.error_type:
        rare += f',"error_type":{_quoted(request.error_type)}'
    if request.user_pk is not None:
        rare += f',"user_pk":{_quoted(request.user_pk)}'
    return _plain(rare)


def _plain(text: str) -> str | None:
    """Return a part of a line, or nothing if it is long or holds what `lines` must repair."""
    return None if _SURROGATE in text or _DELETE in text or len(text) > _LONGEST_PART else text


def _remember(known: dict[K, V], key: K, value: V) -> V:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value
    return value


class _Current:
    """The lines of the formatter last used; most processes have one."""

    lines: _Lines | None = None
