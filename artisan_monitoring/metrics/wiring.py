"""Connects metrics: the roll-up job and the purge of old roll-ups."""

from __future__ import annotations

from ..pipeline.jobs import register_job
from ..pipeline.purge import register_purge


def connect() -> None:
    """Register the job and the purge; called once the apps are ready."""
    register_job("flush_metrics", 60, "artisan_monitoring.metrics.rollup.flush_metrics")
    register_purge("rollups", "artisan_monitoring.metrics.rollup.purge_rollups")
