"""Celery: context that travels with messages, durations and errors of tasks, and the life cycle of workers.

Everything hangs on Celery's signals, so no task has to change. Nothing here does I/O while a task of the project runs:
what is recorded goes into the buffer, heartbeats into a thread of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from celery import signals

from ..conf import get_settings
from ..core import context
from ..core.context import Observation
from ..core.guard import guarded
from ..core.records import AlertSeverity
from ..core.traceparent import new_request_id, new_span_id, new_trace_id, valid_request_id
from ..errors import log_handler
from ..errors.capture import capture_exception
from ..logs.forwarding import ForwardingHandler
from ..logs.handlers import LineHandler
from ..logs.nonblocking import NonBlockingHandler
from ..metrics.collector import metrics_collector
from ..pipeline.lifecycle import shutdown_monitoring
from . import celery_heartbeat as heartbeat
from . import celery_wake

HEADER = "artisan"
"""The message header with the publisher's context. It is never trusted further than as text for logs."""

CARRIED = ("request_id", "trace_id", "span_id", "user_pk")
Tags = tuple[tuple[str, str], ...]

OUR_TASKS = "artisan_monitoring.tasks."
"""Our own jobs are recorded as jobs; as tasks they would make a record per run, for ever, of nothing but themselves."""

SAME_LOSS_S = 10.0
_lost: dict[str, float] = {}

_duration = metrics_collector.handle("messaging.process.duration", unit="s", kind="distribution")
_queue_wait = metrics_collector.handle("artisan.task.queue_wait", unit="s", kind="distribution")


def connect() -> None:
    """Connect to Celery's signals; again is harmless. `weak=False`: these functions have no other owner."""
    for signal, receiver in (
        (signals.before_task_publish, put_context),
        (signals.task_prerun, begin),
        (signals.task_failure, capture),
        (signals.task_retry, capture_retry),
        (signals.after_setup_logger, listen),
        (signals.task_postrun, end),
        (signals.worker_process_init, start_child),
        (signals.worker_process_shutdown, stop),
        (signals.worker_ready, heartbeat.start),
        (signals.heartbeat_sent, heartbeat.note_loop),
        (signals.worker_shutdown, stop),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"artisan_monitoring.{receiver.__name__}")
    if writes_our_lines():
        # Any receiver of this signal keeps Celery from putting handlers of its own in the place of the project's.
        signals.setup_logging.connect(keep_logging, weak=False, dispatch_uid="artisan_monitoring.keep_logging")
    celery_wake.connect()


def writes_our_lines() -> bool:
    """Say whether the project's `LOGGING` is `logging_config()`'s."""
    return any(
        isinstance(handler, LineHandler | NonBlockingHandler) and not isinstance(handler, ForwardingHandler)
        for handler in logging.getLogger().handlers
    )


def listen(**kwargs: object) -> None:
    """Receiver of `after_setup_logger`: Celery has thrown the root logger's handlers away, ours with them."""
    log_handler.listen()


def keep_logging(**kwargs: object) -> None:
    """Receiver of `setup_logging`: leave logging as the project's settings have made it."""


def put_context(headers: dict[str, Any] | None = None, **kwargs: object) -> None:
    """Receiver of `before_task_publish`: write the current context into the message.

    A retry is published inside the task, so it carries the task's own context on, whatever was in the old message.
    """
    with guarded("celery.publish"):
        if headers is None or not get_settings().ENABLED:
            return
        carried: dict[str, Any] = {name: value for name, value in context.current().items() if name in CARRIED}
        carried["sent_at"] = time.time()
        headers[HEADER] = carried


class Run:
    """One execution of a task: what stood in the context before, and its own observation."""

    __slots__ = ("before", "error_type", "observation", "sent_at")

    def __init__(self) -> None:
        self.before = [variable.get() for _, variable in context.KEYS]
        self.observation: Observation | None = context.observation.get()
        self.sent_at: float | None = None
        self.error_type = ""


def begin(task: Any = None, **kwargs: object) -> None:
    """Receiver of `task_prerun`: bind the context for everything the task does."""
    with guarded("celery.begin"):
        if not get_settings().ENABLED:
            return
        request = task.request
        # On the request and not in a table by task id: an eager retry runs inside its first run, under the same id.
        request.artisan_run = run = Run()
        carried = _carried(request)
        sent_at = carried.get("sent_at")
        run.sent_at = sent_at if isinstance(sent_at, float | int) else None
        if not request.is_eager:
            context.clear()
        _bind(task.name, carried)


def _carried(request: Any) -> Mapping[str, object]:
    carried = (request.headers or {}).get(HEADER)
    return carried if isinstance(carried, Mapping) else {}


def _bind(task_name: str, carried: Mapping[str, object]) -> None:
    """Set the context variables and a new observation; what the message does not say comes from here, or is new."""
    observation = Observation("task")
    observation.request_id = _id(carried, "request_id") or context.request_id.get() or new_request_id()
    observation.trace_id = _id(carried, "trace_id") or context.trace_id.get() or new_trace_id()
    observation.parent_span_id = _id(carried, "span_id") or context.span_id.get()
    observation.span_id = new_span_id()
    observation.route = task_name
    observation.user_pk = _id(carried, "user_pk") or context.user_pk.get()
    observation.client_shown = context.client.get() or ""
    context.request_id.set(observation.request_id)
    context.trace_id.set(observation.trace_id)
    context.span_id.set(observation.span_id)
    context.user_pk.set(observation.user_pk)
    context.task.set(task_name)
    context.observation.set(observation)


def _id(carried: Mapping[str, object], name: str) -> str | None:
    """Return an id from a message, unless it is none: whoever can write to the broker must not forge log lines."""
    value = carried.get(name)
    if not isinstance(value, str) or not value or len(value) > 128 or not value.isprintable():
        return None
    return value if name != "request_id" or valid_request_id(value) else None


def capture(sender: Any = None, exception: BaseException | None = None, **kwargs: object) -> None:
    """Receiver of `task_failure`: record the error, unless the task declares it as expected (`throws`).

    A job of ours that fails is recorded as such, and is an alert when it goes on.
    """
    with guarded("celery.capture"):
        name = str(getattr(sender, "name", ""))
        expected = tuple(getattr(sender, "throws", ()) or ())
        if exception is None or isinstance(exception, expected) or name.startswith(OUR_TASKS):
            return
        if context.task.get() is None and _told_before(f"{kwargs.get('task_id')} {type(exception).__qualname__}"):
            return
        request = getattr(sender, "request", None)
        details = _details(sender, request, kwargs.get("task_id"))
        capture_exception(exception, handled=False, mechanism="celery", context=details)


def _details(task: Any, request: Any, task_id: object) -> dict[str, object]:
    """Return what tells a run from another: which attempt it was, of how many."""
    details: dict[str, object] = {"task": str(getattr(task, "name", "")), "task_id": task_id}
    if request is not None:
        attempts = {"retries": request.retries, "max_retries": getattr(task, "max_retries", None)}
        details |= {**attempts, "queue": _queue(request)}
    return details


def capture_retry(sender: Any = None, request: Any = None, reason: object = None, **kwargs: object) -> None:
    """Receiver of `task_retry`: record why, as handled, where `ERRORS["RETRIES"]` asks for it.

    The last attempt's failure is a failure: Celery raises the task's own exception then.
    """
    with guarded("celery.retry"):
        exception = getattr(reason, "exc", None)
        if not isinstance(exception, BaseException) or not get_settings().ERRORS.RETRIES:
            return
        details = _details(sender, request, getattr(request, "id", None))
        capture_exception(
            exception, handled=True, mechanism="celery_retry", severity=AlertSeverity.LOW, context=details
        )


def _told_before(failure: str) -> bool:
    """Say whether this failure of a lost child was told within ten seconds.

    Celery 5.7 sends the signal of a hard time limit twice from the parent, each time with another exception object.
    """
    now = time.monotonic()
    for known in [known for known, at in _lost.items() if now - at > SAME_LOSS_S]:
        del _lost[known]
    if failure in _lost:
        return True
    _lost[failure] = now
    return False


def end(task: Any = None, state: str | None = None, retval: object = None, **kwargs: object) -> None:
    """Receiver of `task_postrun`: record how long it took and how it ended, and put the context back."""
    with guarded("celery.end"):
        run = task.request.__dict__.pop("artisan_run", None)
        if not isinstance(run, Run):
            return
        observation = context.observation.get()
        try:
            if observation is not None:
                _record(task, run, observation, state, retval)
        finally:
            for (_, variable), value in zip(context.KEYS, run.before, strict=True):
                variable.set(value)
            context.observation.set(run.observation)
            if observation is not None:
                observation.trail = None  # as at the end of a request


def _record(task: Any, run: Run, observation: Observation, state: str | None, retval: object) -> None:
    if task.name.startswith(OUR_TASKS):
        heartbeat.note_beat(task.request)
        return
    queue = (("messaging.destination.name", _queue(task.request)), ("messaging.operation.name", task.name))
    # Tags are sorted by name; the state is None when the run was broken off (SystemExit, time limit).
    tags: Tags = (("artisan.outcome", (state or "aborted").lower()),)
    if state == "FAILURE":
        tags += (("error.type", type(retval).__qualname__),)
    _duration.observe(time.perf_counter() - observation.started, (*tags, *queue, ("messaging.system", "celery")))
    if run.sent_at is not None and not task.request.eta:
        # Two hosts' clocks: a wait is never negative.
        _queue_wait.observe(max(0.0, observation.started_at - run.sent_at), queue)


def _queue(request: Any) -> str:
    """Return the queue a task came from; with Celery's own routing the routing key is the queue's name."""
    return str((request.delivery_info or {}).get("routing_key") or "none")


def start_child(**kwargs: object) -> None:
    """Receiver of `worker_process_init`: a forked child begins with nothing of its parent's context.

    Buffer, threads and connections are renewed by hooks on the fork itself.
    """
    context.clear()


def stop(**kwargs: object) -> None:
    """Receiver of `worker_process_shutdown` and `worker_shutdown`: flush; a pool's children do not run `atexit`."""
    with guarded("celery.stop"):
        heartbeat.stop()
        shutdown_monitoring()
