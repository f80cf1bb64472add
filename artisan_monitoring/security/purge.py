"""Deletes security events and activity when they have been kept as long as promised."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..conf import get_settings
from ..models import SecurityEvent, UserActivity
from ..pipeline.purge import delete_in_batches


def purge_events(now: datetime) -> int:
    """Delete the events last seen more than `RETENTION["SECURITY"]` days ago; return how many went."""
    chosen = get_settings()
    before = now - timedelta(days=chosen.RETENTION.SECURITY)
    return delete_in_batches(SecurityEvent.objects.using(chosen.DATABASE).filter(last_seen__lt=before))


def purge_activity(now: datetime) -> int:
    """Delete the days that ended more than `RETENTION["ACTIVITY"]` days ago; return how many rows went."""
    chosen = get_settings()
    before = (now - timedelta(days=chosen.RETENTION.ACTIVITY)).date()
    return delete_in_batches(UserActivity.objects.using(chosen.DATABASE).filter(day__lt=before))
