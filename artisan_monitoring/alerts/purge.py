"""Deletes alerts some days after they were resolved, with what was told of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from ..conf import get_settings
from ..models.alerts import AlertState
from ..pipeline.pacing import breathe
from .rows import alerts, alias, notifications

BATCH = 500


def purge_alerts(now: datetime) -> int:
    """Delete the alerts resolved `RETENTION["ALERTS"]` days ago or earlier; return how many alerts went.

    Each statement deletes at most 500 rows in a transaction of its own, so that no table is locked for long.
    """
    before = now - timedelta(days=get_settings().RETENTION.ALERTS)
    old = alerts().filter(state=AlertState.RESOLVED, resolved_at__lt=before).order_by("resolved_at", "pk")
    deleted = 0
    while keys := list(old.values_list("pk", flat=True)[:BATCH]):
        _purge_notifications(keys)
        breathe()
        with transaction.atomic(using=alias()):
            # Only what is still resolved: the notifications are gone already, so the delete cascades to nothing.
            alerts().filter(pk__in=keys, state=AlertState.RESOLVED).delete()
        deleted += len(keys)
        breathe()
    return deleted


def _purge_notifications(keys_of_alerts: list[int]) -> None:
    rows = notifications().filter(alert_id__in=keys_of_alerts).order_by("pk")
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        notifications().filter(pk__in=keys).delete()
        breathe()
