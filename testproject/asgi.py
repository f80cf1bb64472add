"""The ASGI entry point: `uvicorn testproject.asgi:application`."""

from __future__ import annotations

import os

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from artisan_monitoring.integrations.asgi import with_lifespan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")

site = get_asgi_application()
application = with_lifespan(ASGIStaticFilesHandler(site) if settings.SERVE_STATIC else site)
