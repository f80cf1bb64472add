"""Outgoing HTTP calls on the trail of a failing request: method, address, status, how long the answer took.

Neither Python nor its HTTP libraries tell anybody of them: an audit hook (PEP 578) would hear of a call's beginning but
not of its end, and of everything else a process does. So two places are wrapped, each only where `ERRORS["TRAIL"]`
names it: `http` the methods of `http.client.HTTPConnection`, on which urllib, requests and botocore rest; `httpx` the
`send` of httpx' clients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http.client import HTTPConnection, HTTPSConnection
from time import perf_counter
from typing import Any, TypeVar

from ..conf import get_settings, on_settings_change
from ..core import context
from ..core.guard import guarded
from ..core.trail import HTTP, call, of

HTTPX = "httpx"
LONGEST_URL = 1_000
_Method = TypeVar("_Method", bound=Callable[..., Any])


class _Bound:
    """What is asked for, and what is wrapped already."""

    http = False
    httpx = False
    wrapped: set[str] = set()  # one for all


# -- http.client ------------------------------------------------------------------------------------------------------


def _wrap_http_client() -> None:
    putrequest, getresponse = HTTPConnection.putrequest, HTTPConnection.getresponse

    @wraps(putrequest)
    def noted_putrequest(self: HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if _Bound.http and (observation := context.observation.get()) is not None:
            with guarded("errors.http"):
                text = f"{method} {_address(self, url)}"
                # Noted at once: of a call that never gets an answer, the trail says so.
                entry: list[object] = [HTTP, perf_counter(), None, text, {}]
                of(observation).calls.append(entry)
                vars(self)["_artisan_entry"] = entry
        putrequest(self, method, url, *args, **kwargs)

    @wraps(getresponse)
    def noted_getresponse(self: HTTPConnection, *args: Any, **kwargs: Any) -> Any:
        entry = vars(self).pop("_artisan_entry", None)
        if entry is None:
            return getresponse(self, *args, **kwargs)
        try:
            response = getresponse(self, *args, **kwargs)
        except BaseException as exc:
            _end(entry, {"error": type(exc).__name__})
            raise
        _end(entry, {"status": response.status})
        return response

    HTTPConnection.putrequest = noted_putrequest  # type: ignore[method-assign]
    HTTPConnection.getresponse = noted_getresponse  # type: ignore[method-assign]


def _end(entry: list[Any], more: dict[str, object]) -> None:
    entry[2], entry[4] = perf_counter() - entry[1], more


def _address(connection: HTTPConnection, url: str) -> str:
    if "://" in url[:10]:  # to a proxy
        return url[:LONGEST_URL]
    own = vars(connection)
    secure = isinstance(connection, HTTPSConnection) or own.get("_tunnel_host")
    host, port = own.get("_tunnel_host") or connection.host, own.get("_tunnel_port") or connection.port
    standard = port in (None, 443 if secure else 80)
    return f"{'https' if secure else 'http'}://{host}{'' if standard else f':{port}'}{url}"[:LONGEST_URL]


# -- httpx ------------------------------------------------------------------------------------------------------------


def _wrap_httpx() -> None:
    import httpx

    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    @wraps(send)
    def noted_send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        more: dict[str, object] = {"error": "no answer"}
        try:
            response = send(self, request, *args, **kwargs)
            more = {"status": response.status_code}
            return response
        finally:
            _note(request, began, more)

    @wraps(send_async)
    async def noted_send_async(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        more: dict[str, object] = {"error": "no answer"}
        try:
            response = await send_async(self, request, *args, **kwargs)
            more = {"status": response.status_code}
            return response
        finally:
            _note(request, began, more)

    httpx.Client.send = noted_send  # type: ignore[method-assign]
    httpx.AsyncClient.send = noted_send_async  # type: ignore[method-assign]


def _note(request: Any, began: float, more: dict[str, object]) -> None:
    if _Bound.httpx:
        with guarded("errors.httpx"):
            call(HTTP, began, f"{request.method} {str(request.url)[:LONGEST_URL]}", more)


_WRAPPERS = {HTTP: _wrap_http_client, HTTPX: _wrap_httpx}


@on_settings_change
def bind() -> None:
    """Take over the settings: wrap what is named, once; what is named no more is left idle."""
    chosen = get_settings()
    asked = chosen.ERRORS.TRAIL if chosen.ENABLED else ()
    for kind, wrap in _WRAPPERS.items():
        if kind in asked and kind not in _Bound.wrapped:
            with guarded(f"errors.{kind}"):
                wrap()
                _Bound.wrapped.add(kind)
    _Bound.http, _Bound.httpx = HTTP in asked, HTTPX in asked
