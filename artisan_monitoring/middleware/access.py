"""The access log: one record a request."""

from __future__ import annotations

from logging import ERROR, INFO, WARNING

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase

from ..core import context
from ..core.context import Observation
from ..logs.logger import log_access
from . import bound


def log_request(
    request: HttpRequest,
    response: HttpResponseBase | None,
    observation: Observation,
    elapsed_s: float,
    error_type: str,
    size_bytes: int,
) -> None:
    """Write the record of a request that has ended.

    Excluded paths (probes, static files) are left out while they answer below 400 and fast: errors are always logged.
    """
    if not bound.access_log:
        return
    status = observation.status or 0
    level = INFO if 0 < status < 400 else ERROR if status >= 500 else WARNING
    slow = elapsed_s >= bound.slow_s
    if level == INFO:
        if slow:
            level = WARNING
        elif observation.path.startswith(bound.excluded):
            return
    fields: dict[str, str | int | float | None] = {
        "method": request.method,
        "path": observation.path,
        "route": observation.route,
        "status": status,
        "duration_ms": round(elapsed_s * 1000, 3),
    }
    if size_bytes < 0 and isinstance(response, HttpResponse):
        size_bytes = sum(map(len, vars(response)["_container"]))  # `len(content)` would join the parts
    if size_bytes >= 0:
        fields["bytes"] = size_bytes
    if observation.query_count:
        fields["queries"] = observation.query_count
        fields["query_ms"] = round(observation.query_time_s * 1000, 3)
    if error_type:
        fields["error_type"] = error_type
    user = request.__dict__.get("_cached_user")  # `request.user` would load the session and vary on the cookie
    if user is not None and user.pk is not None:
        fields["user_pk"] = str(user.pk)
    agent = request.META.get("HTTP_USER_AGENT")
    if agent:
        fields["user_agent"] = agent[:200]
    if context.request_id.get() is None:
        # The end of a stream may run in another context: the record still names its request.
        fields["request_id"] = observation.request_id
        fields["trace_id"] = observation.trace_id
    log_access(level, f"{request.method} {observation.path} {status}", fields)
