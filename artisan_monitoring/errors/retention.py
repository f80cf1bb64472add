"""Delete what is older than promised: samples, hourly counts, and groups of which nothing is left."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import router
from django.db.models import Exists, OuterRef

from ..conf import get_settings
from ..models.errors import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping
from ..pipeline.pacing import breathe
from ..pipeline.purge import BATCH, delete_in_batches


def purge(now: datetime) -> int:
    """Delete errors older than `RETENTION["ERRORS"]` days; return the rows. Each statement takes at most 500 rows and
    is a transaction of its own, so that no table is locked for long.
    """
    before = now - timedelta(days=get_settings().RETENTION.ERRORS)
    alias = router.db_for_write(ErrorGroup)
    deleted = delete_in_batches(ErrorEvent.objects.using(alias).filter(occurred_at__lt=before))
    deleted += delete_in_batches(ErrorHourlyCount.objects.using(alias).filter(hour__lt=before))
    return deleted + _purge_groups(before, alias)


def _purge_groups(before: datetime, alias: str) -> int:
    """Delete groups not seen for so long and without samples, what hangs on them first: no cascade to collect."""
    events = ErrorEvent.objects.using(alias).filter(group=OuterRef("pk"))
    idle = ErrorGroup.objects.using(alias).filter(~Exists(events), last_seen__lt=before).order_by("pk")
    deleted = 0
    while pks := list(idle.values_list("pk", flat=True)[:BATCH]):
        # The fingerprint first: an error that comes back meanwhile makes a new group.
        for table in (Grouping, ErrorActivity, ErrorHourlyCount):
            deleted += delete_in_batches(table._base_manager.using(alias).filter(group_id__in=pks))
        deleted += delete_in_batches(ErrorGroup.objects.using(alias).filter(pk__in=pks))
        breathe()
    return deleted
