"""The WSGI entry point: `gunicorn testproject.wsgi -w 4`."""

from __future__ import annotations

import os

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")

application = get_wsgi_application()
if settings.SERVE_STATIC:
    application = StaticFilesHandler(application)
