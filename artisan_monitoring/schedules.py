"""The periods of the jobs as a schedule for Celery's beat. Safe in settings: imports neither Celery nor Django."""

from __future__ import annotations

from typing import Any

PERIODS_S: dict[str, float] = {
    "drain": 5.0,
    "evaluate_alerts": 15.0,
    "deliver_notifications": 15.0,
    "run_health_checks": 30.0,
    "flush_metrics": 60.0,
    "purge_expired": 3600.0,
    "send_digest": 900.0,
}

BEAT_HEADER = "artisan_beat"
"""A message with this header was sent by beat: when its task runs, beat, broker and worker are seen to work."""


def beat_schedule(queue: str = "", *, otlp_period_s: float = 0.0) -> dict[str, dict[str, Any]]:
    """Return entries for `CELERY_BEAT_SCHEDULE`, one per job; merge your own with `|`.

    `otlp_period_s` adds the export by OTLP, at the period of `OTLP["PERIOD_S"]`, which only a project that exports has.

    `queue` sends the jobs to a queue of their own. A message expires when the next one is due, so that a queue that
    nobody reads, or that others have filled, holds one message a job at most.
    """
    route = {"queue": queue} if queue else {}
    periods = {**PERIODS_S, "export_otlp": otlp_period_s} if otlp_period_s else PERIODS_S
    return {
        f"artisan-monitoring-{name}": {
            "task": f"artisan_monitoring.tasks.{name}",
            "schedule": period_s,
            "options": {"expires": period_s, "headers": {BEAT_HEADER: True}, **route},
        }
        for name, period_s in periods.items()
    }
