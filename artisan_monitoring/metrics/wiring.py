"""Connects metrics: the roll-up job, the purge of old roll-ups, and what each flush samples."""

from __future__ import annotations

from ..pipeline.buffer import buffer
from ..pipeline.jobs import register_job
from ..pipeline.purge import register_purge
from .host import host
from .process import process
from .selfmetrics import selfmetrics


def connect() -> None:
    """Register the job, the purge and the samplers; called once the apps are ready."""
    register_job("flush_metrics", 60, "artisan_monitoring.metrics.rollup.flush_metrics")
    register_purge("rollups", "artisan_monitoring.metrics.rollup.purge_rollups")
    buffer.samplers += [host.sample, process.sample, selfmetrics.sample]
