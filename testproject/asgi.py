"""The ASGI entry point: `uvicorn testproject.asgi:application`."""

from __future__ import annotations

import asyncio
import os

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from artisan_monitoring import shutdown_monitoring

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")

site = get_asgi_application()
if settings.SERVE_STATIC:
    site = ASGIStaticFilesHandler(site)


async def application(scope, receive, send) -> None:
    """Serve the site, and answer for the life span (ASGI 3.0, "Lifespan Protocol"), which Django leaves out."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await site(scope, receive, send)


async def _live(receive, send) -> None:
    """Send what monitoring still holds at the end: uvicorn then dies of the signal itself, and runs no `atexit`."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await asyncio.to_thread(shutdown_monitoring)
    await send({"type": "lifespan.shutdown.complete"})
