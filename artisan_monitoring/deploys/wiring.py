"""Connects deploy marks: what each process tells, the sink of it, and the purge."""

from __future__ import annotations

from ..pipeline.buffer import buffer
from ..pipeline.purge import register_purge
from ..pipeline.sinks import register_sink
from . import noticing


def connect() -> None:
    """Register them; called once the apps are ready."""
    register_sink(noticing.KIND, "artisan_monitoring.deploys.noticing.apply")
    register_purge("deploys", "artisan_monitoring.deploys.retention.purge")
    if noticing.tell not in buffer.samplers:
        buffer.samplers.append(noticing.tell)
