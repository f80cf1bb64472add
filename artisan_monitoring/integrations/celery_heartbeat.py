"""Heartbeats of Celery: each worker says that it lives, and a task that beat sent says that beat does.

Asking workers (`control.ping`) is a broadcast that always costs its whole timeout and that a busy solo worker does not
answer, and beat answers no question at all. So they tell: notes in the store that expire.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from ..conf import active
from ..core.guard import guarded
from ..stores import get_store

BEAT_HEADER = "artisan_beat"
"""What `schedules.beat_schedule()` writes into the messages that beat sends."""

PERIOD_S = 15.0
TTL_S = 300.0
"""Longer than a worker counts as alive (`health.checks.celery`), so that its silence can be told for a while."""

LOOP_SILENCE_S = 60.0
"""Celery's event loop beats every 2 s; one silent this long while its process lives is stuck, and not told alive."""

BEAT_EVERY_S = 5.0
BEAT_TTL_S = 3600.0


class Heart(threading.Thread):
    """Writes one worker's note every 15 seconds, in the worker's main process."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(name="artisan-celery-heartbeat", daemon=True)
        self._facts = facts
        self._stopped = threading.Event()
        self.loop_at: float | None = None

    def run(self) -> None:
        while True:
            self.beat()
            if self._stopped.wait(PERIOD_S):
                break
        with guarded("celery.heartbeat"):
            # There is no deletion of notes: one that expires at once is as good.
            get_store().set_note("worker", self._facts["hostname"], self._facts | {"state": "stopped"}, 0.001)

    def beat(self) -> None:
        """Write the note, unless the worker's event loop has stopped turning."""
        silence = None if self.loop_at is None else time.monotonic() - self.loop_at
        # A solo worker's loop stands still while a task runs: that is work, not death.
        if silence is not None and silence > LOOP_SILENCE_S and self._facts["pool"] != "solo":
            return
        with guarded("celery.heartbeat"):
            note = self._facts | {"state": "ready", "loop_age_s": None if silence is None else round(silence, 1)}
            get_store().set_note("worker", self._facts["hostname"], note, TTL_S)

    def stop(self) -> None:
        """Take the note back and end, within the store's timeout."""
        self._stopped.set()
        self.join(timeout=3)


_heart: Heart | None = None
_beat_noted_at = 0.0


def start(sender: Any = None, **kwargs: object) -> None:
    """Receiver of `worker_ready`: begin to tell that this worker lives."""
    global _heart
    with guarded("celery.heartbeat"):
        if not active() or _heart is not None:
            return
        _heart = Heart(_facts(sender))
        _heart.start()


def _facts(consumer: Any) -> dict[str, Any]:
    """Return what is worth knowing of a worker: name, pid, pool, number of its processes, queues."""
    queues = getattr(getattr(consumer, "task_consumer", None), "queues", None) or ()
    controller = getattr(consumer, "controller", None)
    pool = type(getattr(consumer, "pool", None)).__module__.rpartition(".")[2]
    return {
        "hostname": str(consumer.hostname),
        "pid": os.getpid(),
        "pool": pool,
        "concurrency": getattr(controller, "concurrency", None),
        "queues": sorted(str(getattr(queue, "name", queue)) for queue in queues),
        "started_at": time.time(),
    }


def note_loop(**kwargs: object) -> None:
    """Receiver of `heartbeat_sent`: Celery's event loop turns. No I/O: it runs on that loop."""
    if _heart is not None:
        _heart.loop_at = time.monotonic()


def note_beat(request: Any) -> None:
    """After one of our own jobs: if beat sent it, write that beat was seen, at most every 5 seconds a process."""
    global _beat_noted_at
    now = time.monotonic()
    if not (request.headers or {}).get(BEAT_HEADER) or now - _beat_noted_at < BEAT_EVERY_S or not active():
        return
    _beat_noted_at = now
    with guarded("celery.beat"):
        get_store().set_note("beat", "tick", {"seen_by": str(request.hostname)}, BEAT_TTL_S)


def stop() -> None:
    """Stop telling: in the worker's main process at its end; a pool's child has no heart and nothing to stop."""
    global _heart
    heart, _heart = _heart, None
    if heart is not None and heart.is_alive():
        heart.stop()


def _after_fork() -> None:
    # The thread stayed in the parent; the child must not take the parent's note back when it ends.
    global _heart
    _heart = None


os.register_at_fork(after_in_child=_after_fork)
