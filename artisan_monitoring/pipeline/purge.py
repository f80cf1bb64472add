"""The job that deletes what is past its retention, in batches that never hold a table for long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from ..conf import get_settings
from ..core.guard import report
from ..core.windows import DAY, HOUR, floor
from ..models import QuarantinedRecord
from ..stores import get_store
from .pacing import breathe

BATCH = 500
IDLE_DAYS = 8
"""A cumulative total may go when its series was silent for longer than any bucket lives."""

_purges: dict[str, str] = {}


def register_purge(name: str, path: str) -> None:
    """Name a purge by dotted path: a function that takes the time (aware) and returns how many rows it deleted."""
    _purges[name] = path


def purge_expired() -> dict[str, int]:
    """Delete what is past its retention; return how many of each. One purge that fails does not stop the others."""
    now = datetime.now(UTC)
    deleted = {}
    for name, path in sorted(_purges.items()):
        try:
            purge: Callable[[datetime], int] = import_string(path)
            deleted[name] = purge(now)
        except Exception as exc:
            report(f"purge.{name}", exc)
    return deleted


def delete_in_batches(queryset: QuerySet) -> int:  # type: ignore[type-arg]  # any model's rows
    """Delete a queryset's rows, 500 a statement, each its own transaction; return how many.

    Primary keys are read first: a portable `DELETE ... LIMIT` that takes its locks in one order.
    """
    using = queryset.db
    deleted = 0
    while keys := list(queryset.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(using=using):
            gone, _ = queryset.model._base_manager.using(using).filter(pk__in=keys).delete()
        deleted += gone
        breathe()
        if not gone:
            break
    return deleted


def purge_cells(now: datetime) -> int:
    """Delete metric cells past `RETENTION["METRICS"]`, and series silent for longer than that and than eight days."""
    moment, kept_days = now.timestamp(), get_settings().RETENTION.METRICS
    idle_days = max(IDLE_DAYS, kept_days + 1)
    return get_store().expire(floor(moment - kept_days * DAY, HOUR), floor(moment - idle_days * DAY, HOUR))


def purge_quarantine(now: datetime) -> int:
    """Delete records set aside longer ago than errors are kept."""
    chosen = get_settings()
    old = QuarantinedRecord.objects.using(chosen.DATABASE).filter(
        created_at__lt=now - timedelta(days=chosen.RETENTION.ERRORS)
    )
    return delete_in_batches(old)
