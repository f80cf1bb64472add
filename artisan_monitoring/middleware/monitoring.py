"""MonitoringMiddleware: identity and context of each request, its duration, its access log record, and the probes."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from time import perf_counter
from typing import Any, cast
from weakref import ref

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ..core import context
from ..core.context import Observation
from ..core.registry import LiveSeries
from ..core.routes import route_template
from ..core.series import OVERFLOW
from ..core.traceparent import new_identity, parse, valid_request_id
from ..errors.uncaught import begin_serving
from ..health import fast
from ..metrics.collector import metrics_collector
from ..metrics.eventloop import watch_running_loop
from ..pipeline.buffer import buffer
from ..pipeline.housekeeper import housekeeper
from ..pipeline.overhead import overhead
from . import bound
from .access import write_record
from .base import ObservingMiddleware
from .measured import Switch, measure, measure_async
from .streams import watch

METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
OTHER_METHOD = "_OTHER"
"""OpenTelemetry semantic conventions, "HTTP metrics": what an unknown method is counted as."""

CANCELLED = "cancelled"

_duration = metrics_collector.handle("http.server.request.duration", unit="s", kind="distribution")
_active_requests = metrics_collector.handle(
    "http.server.active_requests", unit="{request}", kind="gauge", combine="sum"
)
_active: set[Observation] = set()


# A child answers none of the requests that its parent was in.
os.register_at_fork(after_in_child=_active.clear)


class _Known:
    """Series and route template by (method, route, status, error type): one look-up a request, no tags to build."""

    generation = -1
    series: dict[tuple[str, str | None, int, str], tuple[LiveSeries, str]] = {}  # one for all, on purpose


class _Report:
    """How many requests were active when the last flush looked: a zero is told once, then silence."""

    was = 0


@buffer.samplers.append
def _sample_active() -> None:
    now = len(_active)
    if now or _Report.was:
        _active_requests.set(now)
    _Report.was = now


class MonitoringMiddleware(ObservingMiddleware):
    """Belongs first in `MIDDLEWARE`: it answers probes before anything else looks at them, and measures everything."""

    what = "MonitoringMiddleware"

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._housekept = False

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            probing = fast.answer_probe_async(request) if Switch.on else None
            if probing is not None:
                return probing
            overhead.left -= 1
            return self.__acall__(request) if overhead.left > 0 else measure_async(self, request)
        paths = fast.known_paths
        if (paths is None or request.path_info in paths) and Switch.on:
            answered = fast.answer_probe(request)
            if answered is not None:
                return answered
        overhead.left -= 1
        return ObservingMiddleware.__call__(self, request) if overhead.left > 0 else measure(self, request)

    def before(self, request: HttpRequest) -> Observation:
        if not self._housekept:
            # Only a process that serves requests keeps house; a shell or a worker does not.
            self._housekept = True
            housekeeper.start()
            watch_running_loop()
            begin_serving()
        meta = request.META
        observation = Observation()
        observation.request = ref(request)
        observation.method = request.method or ""
        observation.path = request.path
        peer = meta.get("REMOTE_ADDR") or ""
        forwarded = meta.get(bound.forwarded_key)
        known = bound.direct_clients.get(peer) if forwarded is None else None
        observation.client, observation.client_shown = known or bound.client_of(peer, forwarded)
        observation.request_id, observation.trace_id, observation.span_id = new_identity()
        given = meta.get(bound.request_id_key)
        if given and bound.trusted and valid_request_id(given) and bound.trusted.holds(peer):
            observation.request_id = given
        traceparent = meta.get("HTTP_TRACEPARENT")
        parent = parse(traceparent) if traceparent else None
        if parent is not None:
            observation.trace_id, observation.parent_span_id, observation.trace_flags = parent
        context.observation.set(observation)
        _active.add(observation)
        return observation

    def after(self, request: HttpRequest, response: HttpResponseBase, state: Observation | None) -> None:
        if state is None:
            return
        # The id is validated, so the checks of the public setter (1.5 us) find nothing: the pair is put in its place.
        response.headers._store[bound.request_id_header_lower] = (bound.request_id_header, state.request_id)
        try:
            if response.streaming:
                watch(cast("StreamingHttpResponse", response), request, state, finish)
            else:
                finish(request, response, state)
        finally:
            _leave(response)

    def failed(self, request: HttpRequest, exc: BaseException, state: Observation | None) -> None:
        if state is not None:
            state.error_type = CANCELLED if _is_cancellation(exc) else type(exc).__qualname__
            try:
                finish(request, None, state)
            finally:
                context.clear()


def _leave(response: HttpResponseBase) -> None:
    """Clear the context: now, or for an answer that Django logs after its first middleware, when it is closed."""
    if response.status_code >= 400 and not response.streaming:
        vars(response)["_resource_closers"].append(context.clear)
    else:
        context.clear()


def finish(request: HttpRequest, response: HttpResponseBase | None, observation: Observation) -> None:
    """Measure and log a request that has ended; called once, at the end of a stream for a streaming response."""
    observation.elapsed_s = elapsed = perf_counter() - observation.started
    _active.discard(observation)
    match = request.resolver_match
    observation.status = status = 0 if response is None else response.status_code
    error_type = observation.error_type
    if status >= 500 and not error_type:
        raised = observation.exception
        error_type = str(status) if raised is None else f"{type(raised).__module__}.{type(raised).__qualname__}"
        observation.error_type = error_type
    if _Known.generation != buffer.generation:
        _Known.series.clear()
        _Known.generation = buffer.generation
    key = (observation.method, None if match is None else match.route, status, error_type)
    live, observation.route = _Known.series.get(key) or _find_series(*key)
    if live is not None:
        buffer.observe(live, elapsed, observation)
    write_record(request, response, observation)
    # What it holds (arguments of log calls, say) may lead back here: nothing waits for the garbage collector.
    observation.trail = observation.exception = None


def _find_series(method: str, route: str | None, status: int, error_type: str) -> tuple[LiveSeries | None, str]:
    """Return the series and the route's template; an unknown method's is looked up each time, for there may be many."""
    template = "" if route is None else route_template(route)
    tags = [("http.request.method", method if method in METHODS else OTHER_METHOD), ("http.route", template)]
    if status:
        tags.append(("http.response.status_code", str(status)))
    if error_type:
        tags.append(("error.type", error_type))
    live = _duration.live(tuple(tags))
    if live is not None and live.series.tags != OVERFLOW and method in METHODS:
        _Known.series[method, route, status, error_type] = live, template
    return live, template


def _is_cancellation(exc: BaseException) -> bool:
    # By name: importing asyncio costs a sync site 30 ms of start-up for nothing.
    return type(exc).__name__ == "CancelledError" or isinstance(exc, GeneratorExit)
