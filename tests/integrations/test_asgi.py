"""The life span of an ASGI server ends with everything sent."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from artisan_monitoring.integrations import asgi


def test_shutdown_is_answered_after_everything_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(asgi, "shutdown_monitoring", lambda: events.append("sent"))
    waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def site(scope: MutableMapping[str, Any], receive: asgi.Receive, send: asgi.Send) -> None:
        events.append(scope["type"])

    async def receive() -> MutableMapping[str, Any]:
        return waiting.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        events.append(message["type"])

    application = asgi.with_lifespan(site)
    asyncio.run(application({"type": "lifespan"}, receive, send))
    asyncio.run(application({"type": "http"}, receive, send))

    assert events == ["lifespan.startup.complete", "sent", "lifespan.shutdown.complete", "http"]
