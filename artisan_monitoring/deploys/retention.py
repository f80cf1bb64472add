"""Deletes deploy marks together with the roll-ups beside which they stand."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from ..conf import get_settings
from ..models import Deploy
from ..pipeline.purge import delete_in_batches


def purge(now: datetime) -> int:
    """Delete the marks older than `RETENTION["ROLLUPS"]` days; return how many.

    The newest of an environment stays: its release may still run, and would be noticed as new.
    """
    chosen = get_settings()
    marks = Deploy.objects.using(chosen.DATABASE)
    newer = marks.filter(environment=OuterRef("environment"), at__gt=OuterRef("at"))
    old = marks.filter(Exists(newer), at__lt=now - timedelta(days=chosen.RETENTION.ROLLUPS))
    return delete_in_batches(old)
