"""Settings of a host with a Celery worker, in processes of its own: broker and store on the Redis of REDIS_URL."""

from __future__ import annotations

import os

from artisan_monitoring.logs import logging_config
from artisan_monitoring.schedules import beat_schedule
from tests.settings import *  # noqa: F403

REDIS = os.environ["REDIS_URL"].rpartition("/")[0]
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "monitoring": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"{REDIS}/1"},
}
CELERY_BROKER_URL = f"{REDIS}/0"
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = beat_schedule()
LOGGING = logging_config(level="INFO", environment="production")
ARTISAN_MONITORING = {
    "SERVICE": "tests",
    "ENVIRONMENT": "production",
    "DATABASE": "monitoring",
    # An hour: nothing leaves a process but at its end.
    "FLUSH_INTERVAL_S": 3600.0 if os.environ.get("SLOW_FLUSH") else 2.0,
    "STORE": {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"alias": "monitoring"}},
}
