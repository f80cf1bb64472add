"""The Celery app of the worker tests: `celery -A tests.integrations.worker_app worker -B`."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integrations.worker_settings")

app = Celery("tests")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

logger = logging.getLogger("shop.tasks")


@app.task(name="shop.greet")
def greet(name: str) -> None:
    logger.info("hello %s", name)
    greet_again.delay(name)


@app.task(name="shop.greet_again")
def greet_again(name: str) -> None:
    logger.info("hello again %s", name)


@app.task(name="shop.fail")
def fail() -> None:
    raise LookupError("no such order")


@app.task(name="shop.hang", time_limit=1)
def hang() -> None:
    time.sleep(60)


@app.task(name="shop.try_again", bind=True, max_retries=1)
def try_again(self: Any) -> None:
    logger.info("try %d", self.request.retries)
    if not self.request.retries:
        raise self.retry(countdown=0)
