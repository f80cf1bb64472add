"""`DatabaseMonitoringMiddleware`: how many queries each request makes, and how long they take."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ..core import context
from ..core.context import Observation
from ..core.guard import never_raises
from ..core.registry import LiveSeries
from ..core.routes import route_template
from ..metrics.collector import metrics_collector
from ..pipeline.buffer import buffer
from ..queries import recorder
from .base import ObservingMiddleware
from .monitoring import METHODS, OTHER_METHOD
from .streams import async_chunks_within, chunks_within, on_close, wrap

_queries = metrics_collector.handle("artisan.db.queries", unit="{query}", kind="distribution")
_query_time = metrics_collector.handle("artisan.db.query_time", unit="s", kind="distribution")


class _Known:
    """Series by (method, route): one look-up a request instead of building and hashing tags."""

    generation = -1
    series: dict[tuple[str, str | None], tuple[LiveSeries | None, LiveSeries | None]] = {}  # one for all


class DatabaseMonitoringMiddleware(ObservingMiddleware):
    """Belongs after `MonitoringMiddleware`, whose observation it counts in; without one it makes its own."""

    what = "DatabaseMonitoringMiddleware"

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        recorder.enable()

    def before(self, request: HttpRequest) -> tuple[Observation, bool]:
        observation = context.observation.get()
        if observation is not None:
            return observation, False
        observation = Observation()
        context.observation.set(observation)
        return observation, True

    def after(self, request: HttpRequest, response: HttpResponseBase, state: tuple[Observation, bool] | None) -> None:
        if state is None:
            return
        observation, own = state
        if response.streaming:
            _follow(cast("StreamingHttpResponse", response), request, observation, own=own)
        else:
            finish(request, observation)
        if own:
            context.observation.set(None)

    def failed(self, request: HttpRequest, exc: BaseException, state: tuple[Observation, bool] | None) -> None:
        if state is not None:
            finish(request, state[0])
            if state[1]:
                context.observation.set(None)


@never_raises("queries.finish")
def finish(request: HttpRequest, observation: Observation) -> None:
    """Record what a request that has ended did with its databases. 1.5 us without a query."""
    match = request.resolver_match
    key = (request.method or "", None if match is None else match.route)
    if _Known.generation != buffer.generation:
        _Known.series.clear()
        _Known.generation = buffer.generation
    counted, timed = _Known.series.get(key) or _find_series(*key)
    if counted is not None:
        buffer.observe(counted, observation.query_count)
    if observation.query_count and timed is not None:
        buffer.observe(timed, observation.query_time_s)


def _find_series(method: str, route: str | None) -> tuple[LiveSeries | None, LiveSeries | None]:
    tags = (
        ("http.request.method", method if method in METHODS else OTHER_METHOD),
        ("http.route", "" if route is None else route_template(route)),
    )
    found = _queries.live(tags), _query_time.live(tags)
    if all(live is not None and live.series.tags == tags for live in found) and method in METHODS:
        _Known.series[method, route] = found
    return found


def _follow(response: StreamingHttpResponse, request: HttpRequest, observation: Observation, *, own: bool) -> None:
    """Record the queries that a stream makes while it is sent, when the response is closed."""
    if own:  # otherwise MonitoringMiddleware, which made the observation, has the chunks made under it
        wrap(
            response,
            lambda content: chunks_within(observation, content),
            lambda content: async_chunks_within(observation, content),
        )
    pending = [observation]
    on_close(response, lambda: finish(request, pending.pop()) if pending else None)
