"""The slower twin of the middleware's way, for the few requests in which monitoring measures what it uses itself.

A request that is not measured pays a count-down. While one is, the others that run beside it take the twin too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..conf import active, get_settings, on_settings_change
from ..core.guard import never_raises, report
from ..core.spending import Account, charged, running
from ..metrics.collector import metrics_collector
from ..pipeline.overhead import overhead
from ..queries.metering import metered

if TYPE_CHECKING:
    from .base import ObservingMiddleware

_used = metrics_collector.handle("artisan.request.overhead", unit="s", kind="distribution")
_in_flight: set[Account] = set()


class Switch:
    """Whether monitoring is on, and whether requests leave the straight way: bound, since every request asks."""

    on = True
    detour = False


def _set() -> None:
    Switch.detour = bool(_in_flight) or not Switch.on
    if _in_flight:  # begun by another thread between those two
        Switch.detour = True


@on_settings_change
def _bind() -> None:
    Switch.on = get_settings().ENABLED
    _set()


def _forked() -> None:
    _in_flight.clear()
    _set()


os.register_at_fork(after_in_child=_forked)


def measure(middleware: ObservingMiddleware, request: HttpRequest) -> HttpResponseBase:
    """Answer a request, and record what monitoring used for it."""
    account = _begin()
    try:
        with metered(account):
            return respond(middleware, request)
    finally:
        _end(account)


async def measure_async(middleware: ObservingMiddleware, request: HttpRequest) -> HttpResponseBase:
    """Do the same in an event loop. Queries run in other threads there, and are not metered."""
    account = _begin()
    try:
        return await respond_async(middleware, request)
    finally:
        _end(account)


@never_raises("overhead.begin")
def _begin() -> Account | None:
    overhead.left = overhead.every
    if not (Switch.on and active()):
        return None
    account = Account()
    _in_flight.add(account)
    Switch.detour = True
    running.set(account)
    return account


@never_raises("overhead.end")
def _end(account: Account | None) -> None:
    if account is None:
        return
    running.set(None)
    _in_flight.discard(account)
    _set()
    overhead.note(account.spent_s)
    _used.observe(account.spent_s)


def respond(middleware: ObservingMiddleware, request: HttpRequest) -> HttpResponseBase:
    """Take the middleware's way, and charge its hooks to the request's account if it has one."""
    if not Switch.on:
        return middleware._respond(request)
    account = running.get() or Account()
    state = _before(middleware, request, account)
    try:
        response = middleware._respond(request)
    except BaseException as exc:
        middleware._failed(request, exc, state)
        raise
    _after(middleware, request, response, state, account)
    return response


async def respond_async(middleware: ObservingMiddleware, request: HttpRequest) -> HttpResponseBase:
    """Do the same in an event loop."""
    if not Switch.on:
        return await middleware._respond_async(request)
    account = running.get() or Account()
    state = _before(middleware, request, account)
    try:
        response = await middleware._respond_async(request)
    except BaseException as exc:
        middleware._failed(request, exc, state)
        raise
    _after(middleware, request, response, state, account)
    return response


def _before(middleware: ObservingMiddleware, request: HttpRequest, account: Account) -> Any:
    try:
        with charged(account):
            return middleware.before(request)
    except Exception as exc:
        report(f"{middleware.what}.before", exc)
        return None


def _after(
    middleware: ObservingMiddleware, request: HttpRequest, response: HttpResponseBase, state: Any, account: Account
) -> None:
    try:
        with charged(account):
            middleware.after(request, response, state)
    except Exception as exc:
        report(f"{middleware.what}.after", exc)
