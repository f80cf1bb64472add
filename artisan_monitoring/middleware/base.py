"""The shell that all three middleware share: sync and async, and no exception of ours reaches the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction  # inspect has the second from Python 3.12 on
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..core.guard import report
from .measured import Switch, respond, respond_async

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class ObservingMiddleware:
    """Call `before`, then the rest of the site, then `after` or `failed`, in whichever mode Django calls.

    Subclasses override the three hooks; what `before` returns is handed to the others. A hook that raises is reported
    and the request goes on as if it were not there. `MiddlewareMixin` is not used: it costs a thread hop per hook
    under ASGI.
    """

    sync_capable = True
    async_capable = True
    what: ClassVar[str] = "middleware"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # The same callable by its two types: a cast in each call would be a call.
        self._respond = cast("Callable[[HttpRequest], HttpResponseBase]", get_response)
        self._respond_async = cast("Callable[[HttpRequest], Awaitable[HttpResponseBase]]", get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def before(self, request: HttpRequest) -> Any:
        """Look at the request; return what `after` and `failed` need."""

    def after(self, request: HttpRequest, response: HttpResponseBase, state: Any) -> None:
        """Look at the response."""

    def failed(self, request: HttpRequest, exc: BaseException, state: Any) -> None:
        """Look at what passes through: cancellation, exit. Errors of views come as responses, never here."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self.__acall__(request)
        if Switch.detour:
            return respond(self, request)
        state = None
        try:
            state = self.before(request)
        except Exception as exc:
            report(f"{self.what}.before", exc)
        try:
            response = self._respond(request)
        except BaseException as exc:
            self._failed(request, exc, state)
            raise
        try:
            self.after(request, response, state)
        except Exception as exc:
            report(f"{self.what}.after", exc)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if Switch.detour:
            return await respond_async(self, request)
        state = None
        try:
            state = self.before(request)
        except Exception as exc:
            report(f"{self.what}.before", exc)
        try:
            response = await self._respond_async(request)
        except BaseException as exc:
            self._failed(request, exc, state)
            raise
        try:
            self.after(request, response, state)
        except Exception as exc:
            report(f"{self.what}.after", exc)
        return response

    def _failed(self, request: HttpRequest, exc: BaseException, state: Any) -> None:
        try:
            self.failed(request, exc, state)
        except Exception as own:
            report(f"{self.what}.failed", own)
