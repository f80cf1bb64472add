"""Connects the room to the rest: registers its job."""

from __future__ import annotations

from ..pipeline.jobs import register_job
from . import PERIOD_S


def connect() -> None:
    """Register the job `run_health_checks`. Called once by `AppConfig.ready()`."""
    register_job("run_health_checks", PERIOD_S, "artisan_monitoring.health.snapshot.run_health_checks")
