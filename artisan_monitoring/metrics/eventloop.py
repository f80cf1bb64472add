"""How late an event loop is: under ASGI, what blocks it delays every request of the process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from weakref import WeakSet

from .collector import metrics_collector
from .host import host_tags, wanted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

EVERY_S = 0.5
"""Twice a second: 120 values a minute make a p95, at 10 us a second."""

_lag = metrics_collector.handle("artisan.event_loop.lag", unit="s", kind="distribution")
_watched: WeakSet[AbstractEventLoop] = WeakSet()


def watch_running_loop() -> None:
    """Measure from now on how much later than asked this thread's event loop calls back, if there is one.

    Called with a process' first request. The measuring ends with the loop.
    """
    # Whoever runs a loop has imported it; a sync site is spared the 30 ms.
    asyncio = sys.modules.get("asyncio")
    loop: AbstractEventLoop | None = asyncio._get_running_loop() if asyncio is not None else None
    if loop is None or loop in _watched or not wanted():
        return
    _watched.add(loop)
    _arm(loop)


def _arm(loop: AbstractEventLoop) -> None:
    due = loop.time() + EVERY_S
    loop.call_at(due, _tick, loop, due)


def _tick(loop: AbstractEventLoop, due: float) -> None:
    if not wanted():
        _watched.discard(loop)
        return
    _lag.observe(max(0.0, loop.time() - due), host_tags())
    _arm(loop)
