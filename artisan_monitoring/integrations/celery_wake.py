"""When something serious was appended and Celery runs the jobs: a message that has it drained now."""

from __future__ import annotations

import time

from celery import Celery
from celery.app import app_or_default

from ..core.guard import guarded
from ..pipeline import wake

DRAIN = "artisan_monitoring.tasks.drain"
EVERY_S = 1.0
EXPIRES_S = 5.0

_sent_at = 0.0
_app: Celery | None = None


def connect() -> None:
    """Have urgent batches announced to the workers; again is harmless.

    Celery's current app belongs to a thread: in the flusher's it would be an empty one, so it is taken here.
    """
    global _app
    _app = app_or_default()
    if send_drain not in wake.hooks:
        wake.hooks.append(send_drain)


def send_drain() -> None:
    """Publish the drain task, at most once a second, if the project's beat schedule holds it. Runs in the flusher.

    Without our entry, or where tasks run at once where they are called (`task_always_eager`), nobody may be reading for
    our tasks, and messages would pile up. A broker that is away is not asked twice: the jobs' periods are the net.
    """
    global _sent_at
    now = time.monotonic()
    if _app is None or now - _sent_at < EVERY_S:
        return
    _sent_at = now
    with guarded("celery.wake"):
        schedule = {} if _app.conf.task_always_eager else _app.conf.beat_schedule or {}
        entry = next((each for each in schedule.values() if each.get("task") == DRAIN), None)
        if entry is not None:
            queue = entry.get("options", {}).get("queue")
            _app.send_task(DRAIN, expires=EXPIRES_S, retry=False, ignore_result=True, queue=queue)
