"""Connects alerting: its jobs, what is purged, the default rules, and waking up when errors arrive."""

from __future__ import annotations

import time

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from ..pipeline.jobs import register_job, run_job
from ..pipeline.purge import register_purge
from ..pipeline.sinks import on_drained

WAKE_EVERY_S = 1.0
_woken_at = 0.0


def connect() -> None:
    """Register everything; again is harmless."""
    register_job("evaluate_alerts", 15, "artisan_monitoring.alerts.evaluation.evaluate_alerts")
    register_job("deliver_notifications", 15, "artisan_monitoring.alerts.delivery.deliver_notifications")
    register_job("send_digest", 900, "artisan_monitoring.alerts.digest.send_digest")
    register_purge("alerts", "artisan_monitoring.alerts.purge.purge_alerts")
    on_drained("error", "artisan_monitoring.alerts.wiring.wake")
    post_migrate.connect(
        _seed,
        sender=apps.get_app_config("artisan_monitoring"),
        dispatch_uid="artisan_monitoring.alerts.seed_default_rules",
    )


def _seed(sender: AppConfig, using: str, **kwargs: object) -> None:
    from .defaults import seed_default_rules

    seed_default_rules(sender, using=using, **kwargs)


def wake() -> None:
    """Judge and tell at once, after errors were drained: at most once a second, the periods catch the rest."""
    global _woken_at
    now = time.monotonic()
    if now - _woken_at < WAKE_EVERY_S:
        return
    _woken_at = now
    for name in ("evaluate_alerts", "deliver_notifications"):
        run_job(name)
