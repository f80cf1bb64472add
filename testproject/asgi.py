"""The ASGI entry point: `uvicorn testproject.asgi:application`."""

from __future__ import annotations

import os

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")

application = get_asgi_application()
if settings.SERVE_STATIC:
    application = ASGIStaticFilesHandler(application)
