"""`SecurityMonitoringMiddleware`: looks at each finished request for signs of an attack, and notes who was active."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from ..core.guard import guarded
from ..security import activity, requests
from .base import ObservingMiddleware


class SecurityMonitoringMiddleware(ObservingMiddleware[None]):
    """Observes only: it blocks nothing, reads no body and loads no user.

    Its place is after `MonitoringMiddleware`, which tells it the client's address behind trusted proxies.
    """

    def before(self, request: HttpRequest) -> None:
        """Do nothing: all there is to see is seen after the answer."""

    def after(self, request: HttpRequest, response: HttpResponseBase, state: None) -> None:
        activity.note(request)
        requests.examine(request, response.status_code)

    def failed(self, request: HttpRequest, exc: BaseException, state: None) -> None:
        requests.examine(request, None)
