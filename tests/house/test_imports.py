"""A host pays for what it uses: setting up Django imports none of the libraries that only some features need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAZY = ("apprise", "celery", "kombu", "opentelemetry", "prometheus_client", "psutil", "redis", "django_redis")
SET_UP = f"""
import sys
from tests import settings
from artisan_monitoring.logs import logging_config
from artisan_monitoring.schedules import beat_schedule
settings.LOGGING = logging_config(level="INFO", environment="production")
settings.CELERY_BEAT_SCHEDULE = beat_schedule()
settings.CACHES = {{
    "default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "monitoring": {{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}},
}}
settings.ARTISAN_MONITORING = {{
    "STORE": {{"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {{"alias": "monitoring"}}}},
}}
settings.MIDDLEWARE = [
    "artisan_monitoring.middleware.MonitoringMiddleware",
    "artisan_monitoring.middleware.DatabaseMonitoringMiddleware",
    "artisan_monitoring.middleware.SecurityMonitoringMiddleware",
    *settings.MIDDLEWARE,
]
import django
django.setup()
from django.core.handlers.wsgi import WSGIHandler
from django.urls import reverse
WSGIHandler()
reverse("artisan_monitoring:liveness")
print(*sorted(set({LAZY!r}) & set(sys.modules)))
"""


def test_set_up_with_everything_configured_imports_nothing_that_can_wait() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-W", "error", "-c", SET_UP]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
