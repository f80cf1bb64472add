"""Lines of the access log, put together from parts that come again and again."""

from __future__ import annotations

import json
import json.encoder
import logging
from typing import TypeVar

from ..core.context import Observation
from . import binding
from .formatters import JsonFormatter
from .logger import ACCESS_LOGGER

K = TypeVar("K")
V = TypeVar("V")

# What `json` leaves as it is, or writes though it is no Unicode: `lines` knows what to do with it.
_DELETE = "\x7f"
_SURROGATE = "\\ud"
_LEVELS = {logging.INFO: "INFO", logging.WARNING: "WARNING", logging.ERROR: "ERROR"}
_MOST_REMEMBERED = 1_000
_LONGEST_PART = 8_000
_LONGEST_PATH = 300
_LONGEST_METHOD = 32
_quoted = json.encoder.encode_basestring_ascii


class Lines:
    """Makes lines for one formatter and state of the settings.

    The hot path of every request, where code that ran 100 us ago is no longer in the processor's caches and each step
    costs three times what it does in a loop: few steps, one formatting, short cuts by value.
    """

    __slots__ = (
        "_agents",
        "_ending",
        "_moment",
        "_paths",
        "_redactor",
        "_second",
        "_templates",
        "binding",
        "formatter",
    )

    def __init__(self, formatter: JsonFormatter) -> None:
        self.formatter = formatter
        self.binding = binding.bound()
        self._redactor = self.binding.redactor
        self._second, self._moment = -1, ""
        self._ending = formatter.parts.ending()
        self._templates: dict[tuple[int, str, str | None, int | None], str] = {}
        self._paths: dict[str, str | None] = {}
        self._agents: dict[str, str | None] = {}

    def make(self, level: int, request: Observation) -> str | None:
        """Return the line that the long way would write, and its line end; nothing where it might be another one."""
        path = self._paths.get(request.path) or self._path(request.path)
        agent = self._agents.get(request.user_agent) or self._agent(request.user_agent)
        template = self._templates.get((level, request.method, request.route, request.status))
        if template is None:
            template = self._template(level, request)
        rare = _rare(request) if request.query_count or request.error_type or request.user_pk is not None else ""
        if path is None or template is None or agent is None or rare is None:
            return None
        ended = request.started_at + request.elapsed_s
        second = int(ended)
        if second != self._second:
            self._second, self._moment = second, f'{{"timestamp":"{self.formatter.parts.timestamp(second)[:-7]}'
        return template % (
            self._moment, int((ended - second) * 1e6), path, request.request_id, request.trace_id, request.span_id,
            f'","client":"{request.client_shown}' if request.client_shown else "", path, request.elapsed_s * 1000,
            f',"bytes":{request.size_bytes}' if request.size_bytes >= 0 else "", rare, agent,
        )  # fmt: skip

    def _path(self, path: str) -> str | None:
        """Return a path as JSON without its quotes, if it holds no secret."""
        if len(path) > _LONGEST_PATH or self._redactor.text(path) is not path:
            return None
        return _remember(self._paths, path, _plain(_quoted(path)[1:-1]))

    def _agent(self, agent: str) -> str | None:
        """Return what a line ends with from the user agent on, line end included."""
        said = f',"user_agent":{_quoted(self._redactor.clip(agent))}' if agent else ""
        end = _plain(f"{said}{self._ending}")
        return end and _remember(self._agents, agent, f"{end}\n")

    def _template(self, level: int, request: Observation) -> str | None:
        """Return the line with what differs from request to request left open."""
        if len(request.method) > _LONGEST_METHOD:
            return None
        method, route, status = _quoted(request.method)[1:-1], json.dumps(request.route), json.dumps(request.status)
        head = f'","level":"{_LEVELS[level]}","logger":"{ACCESS_LOGGER}","message":"{method} '
        middle, end = f' {request.status}","request_id":"', f'","route":{route},"status":{status},"duration_ms":'
        if _plain(f"{head}{middle}{end}") is None:
            return None
        head, middle, method, end = (part.replace("%", "%%") for part in (head, middle, method, end))
        template = (
            f'%s%06dZ{head}%s{middle}%s","trace_id":"%s","span_id":"%s%s","method":"{method}","path":"%s{end}%.3f%s%s%s'
        )
        return _remember(self._templates, (level, request.method, request.route, request.status), template)


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
