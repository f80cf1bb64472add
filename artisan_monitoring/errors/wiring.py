"""Connect error capture: Django's signal, the hooks for what nobody catches, logging, the sink, the purge.

Failed Celery tasks come through `integrations.celery`.
"""

from __future__ import annotations

import logging
import sys

from django.core.signals import got_request_exception
from django.http import HttpRequest

from ..core import context
from ..core.guard import never_raises
from ..core.reach import in_reach_of
from ..pipeline.purge import register_purge
from ..pipeline.sinks import register_sink
from . import answered, log_handler, uncaught
from .deprecations import watch_warnings


def connect() -> None:
    """Register everything; safe to call again."""
    register_sink("error", "artisan_monitoring.errors.sink.apply")
    register_purge("errors", "artisan_monitoring.errors.retention.purge")
    register_purge("errors.merged", "artisan_monitoring.errors.merging.purge")
    got_request_exception.connect(on_request_exception, dispatch_uid="artisan_monitoring.errors")
    uncaught.watch_threads()
    uncaught.watch_process()
    watch_warnings()
    answered.bind()
    if logging.getLogger().handlers:
        # On an empty root a handler of ours would make `logging.basicConfig()` do nothing, and hide what Python then
        # prints to stderr: there it waits for a process that serves.
        log_handler.listen()


@never_raises("errors.signal")
def on_request_exception(sender: object, request: HttpRequest | None = None, **kwargs: object) -> None:
    """Record what a view or middleware did not catch. Django sends this for both, sync and async, inside `except`."""
    exc = sys.exc_info()[1]
    if exc is None:
        return
    observation = context.observation.get()
    if observation is not None and observation.exception is None:
        observation.exception = exc
    # Where the first error happens, and not before: reading stacks is 9 ms of a process' start.
    from .capture import capture_exception

    with in_reach_of(request):
        capture_exception(exc, handled=False, mechanism="request", request=request)
