"""`SecurityMonitoringMiddleware`: looks at each finished request for signs of an attack, and notes who was active."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..security import activity, requests
from .base import ObservingMiddleware


class SecurityMonitoringMiddleware(ObservingMiddleware):
    """Observes only: it blocks nothing, reads no body and loads no user.

    Belongs after `MonitoringMiddleware`, which finds the client's address behind trusted proxies.
    """

    what = "SecurityMonitoringMiddleware"

    def after(self, request: HttpRequest, response: HttpResponseBase, state: None) -> None:
        activity.note(request)
        requests.examine(request, response.status_code)

    def failed(self, request: HttpRequest, exc: BaseException, state: None) -> None:
        requests.examine(request, None)
