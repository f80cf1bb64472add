"""Connects the pipeline: its jobs, its purges, its end of request."""

from __future__ import annotations

from django.core.signals import request_finished

from ..conf import get_settings, on_settings_change
from ..stores import Store
from . import selfstats  # noqa: F401  # leaves a report after each flush
from .jobs import register_job
from .lifecycle import flush_after_request
from .pacing import breathe
from .purge import register_purge

FLUSH_UID = "artisan_monitoring.flush"


def connect() -> None:
    """Register the pipeline's jobs and purges; called once the apps are ready."""
    Store.breathe = staticmethod(breathe)
    # A shard each: where one drainer needs longer than a period, the next run helps it instead of being turned away.
    register_job("drain", 5, "artisan_monitoring.pipeline.drain.drain", lambda store: store.shards)
    register_job("purge_expired", 3600, "artisan_monitoring.pipeline.purge.purge_expired")
    register_purge("cells", "artisan_monitoring.pipeline.purge.purge_cells")
    register_purge("quarantine", "artisan_monitoring.pipeline.purge.purge_quarantine")
    on_settings_change(_listen)


def _listen() -> None:
    # Connected only where it is wanted: every request of every site would pay for the signal.
    request_finished.disconnect(dispatch_uid=FLUSH_UID)
    if get_settings().FLUSH == "request_finished":
        request_finished.connect(flush_after_request, dispatch_uid=FLUSH_UID)
