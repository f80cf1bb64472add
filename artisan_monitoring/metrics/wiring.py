"""Connects metrics: the roll-up job, the purge of old roll-ups, and what each flush samples."""

from __future__ import annotations

from ..pipeline.buffer import buffer
from ..pipeline.jobs import register_job
from ..pipeline.purge import register_purge


def connect() -> None:
    """Register the job, the purge and the samplers; called once the apps are ready."""
    register_job("flush_metrics", 60, "artisan_monitoring.metrics.rollup.flush_metrics")
    register_purge("rollups", "artisan_monitoring.metrics.rollup.purge_rollups")
    buffer.samplers += [_sample_host, _sample_process, _sample_self]


# Imported with the first flush, in the flusher's thread: none of it is for the start of a process.


def _sample_host() -> None:
    from .host import host

    host.sample()


def _sample_process() -> None:
    from .process import process

    process.sample()


def _sample_self() -> None:
    from .selfmetrics import selfmetrics

    selfmetrics.sample()
