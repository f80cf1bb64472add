"""The life span of an ASGI server: what is buffered is sent before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..pipeline.lifecycle import shutdown_monitoring

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def with_lifespan(application: Application) -> Application:
    """Wrap an ASGI application so that the server's shutdown sends what monitoring still holds.

    Django does not answer the life span (ASGI 3.0, "Lifespan Protocol"), and uvicorn ends by the signal itself, which
    runs no `atexit`: without this the last seconds are lost. In `asgi.py`:
    `application = with_lifespan(get_asgi_application())`.
    """

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return wrapped


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    # Sending takes a while, and this is the event loop.
    await asyncio.to_thread(shutdown_monitoring)
    await send({"type": "lifespan.shutdown.complete"})
