"""The access log: one record a request, at a level that says how it ended."""

from __future__ import annotations

from logging import ERROR, INFO, WARNING

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase

from ..core.context import Observation
from ..logs.access import log_request
from . import bound

_LONGEST_AGENT = 200


def write_record(request: HttpRequest, response: HttpResponseBase | None, observation: Observation) -> None:
    """Write the record of a request that has ended.

    Excluded paths (probes, static files) are left out while they answer below 400 and fast: errors are always logged.
    """
    if not bound.access_log:
        return
    status = observation.status or 0
    level = INFO if 0 < status < 400 else ERROR if status >= 500 else WARNING
    if level == INFO:
        if observation.elapsed_s >= bound.slow_s:
            level = WARNING
        elif observation.path.startswith(bound.excluded):
            return
    if observation.size_bytes < 0 and isinstance(response, HttpResponse):
        parts = response.__dict__["_container"]  # `len(content)` would join the parts
        observation.size_bytes = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
    user = request.__dict__.get("_cached_user")  # `request.user` would load the session and vary on the cookie
    if user is not None and user.pk is not None:
        observation.user_pk = str(user.pk)
    observation.user_agent = request.META.get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT]
    log_request(level, observation)
