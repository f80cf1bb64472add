"""Delete what is older than promised, and of what is too much the samples that tell least; counts stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import router, transaction
from django.db.models import Case, Count, Exists, OuterRef, QuerySet, Value, When

from ..conf import get_settings
from ..core.relevance import AGES, Eviction, evictions, youngest_of
from ..models.errors import ErrorActivity, ErrorDigest, ErrorEvent, ErrorGroup, ErrorHourlyCount, ErrorRelease, Grouping
from ..pipeline.pacing import breathe
from ..pipeline.purge import BATCH, delete_in_batches

RELEASES_DAYS = 365
"""A release is a name and a time: kept for a year, and as long as a group speaks of it."""


def purge(now: datetime) -> int:
    """Delete errors older than `RETENTION["ERRORS"]` days, and samples beyond `LIMITS["ERROR_SAMPLES"]`.

    Return the rows. Each statement takes at most 500 rows and is a transaction of its own, so that no table is locked
    for long.
    """
    before = now - timedelta(days=get_settings().RETENTION.ERRORS)
    alias = router.db_for_write(ErrorGroup)
    deleted = delete_in_batches(ErrorEvent.objects.using(alias).filter(occurred_at__lt=before))
    deleted += delete_in_batches(ErrorHourlyCount.objects.using(alias).filter(hour__lt=before))
    deleted += _purge_groups(before, alias)
    deleted += _purge_releases(now - timedelta(days=RELEASES_DAYS), alias)
    deleted += delete_in_batches(ErrorDigest.objects.using(alias).filter(begins_at__lt=before - timedelta(days=7)))
    return deleted + evict(now, alias)


def evict(now: datetime, alias: str) -> int:
    """Delete the least relevant samples until at most `LIMITS["ERROR_SAMPLES"]` are left; return how many went.

    Those that made their group change state go only where they alone are too many. What is deleted is chosen from
    counts: the table may meanwhile grow, which the next run sees.
    """
    surplus = ErrorEvent.objects.using(alias).count() - get_settings().LIMITS.ERROR_SAMPLES
    deleted = 0
    for keep in (False, True):
        samples = ErrorEvent.objects.using(alias).filter(keep=keep)
        for eviction in evictions(_counted(samples, now), surplus) if surplus > 0 else ():
            gone = _delete(samples, eviction, now)
            deleted, surplus = deleted + gone, surplus - gone
    return deleted


def _counted(samples: QuerySet[ErrorEvent], now: datetime) -> dict[tuple[int, int], int]:
    """Return how many samples there are by (age class, irrelevance): one query, answered from an index."""
    ages = [When(occurred_at__lte=now - timedelta(seconds=youngest_of(age)), then=age) for age in _oldest_first()]
    counted = samples.order_by().annotate(age=Case(*ages, default=Value(0))).values_list("age", "irrelevance")
    return {(age, worth): count for age, worth, count in counted.annotate(count=Count("pk"))}


def _oldest_first() -> Iterator[int]:
    return reversed(range(1, AGES))


def _delete(samples: QuerySet[ErrorEvent], eviction: Eviction, now: datetime) -> int:
    """Delete samples of one class, oldest first, 500 a transaction."""
    alike = samples.filter(irrelevance=eviction.irrelevance)
    if eviction.age:
        alike = alike.filter(occurred_at__lte=now - timedelta(seconds=youngest_of(eviction.age)))
    if eviction.age + 1 < AGES:
        alike = alike.filter(occurred_at__gt=now - timedelta(seconds=youngest_of(eviction.age + 1)))
    deleted = 0
    while deleted < eviction.count:
        size = min(BATCH, eviction.count - deleted)
        keys = list(alike.order_by("occurred_at", "pk").values_list("pk", flat=True)[:size])
        with transaction.atomic(using=samples.db):
            gone, _ = ErrorEvent.objects.using(samples.db).filter(pk__in=sorted(keys)).delete()
        deleted += gone
        breathe()
        if not gone:
            break
    return deleted


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


def _purge_releases(before: datetime, alias: str) -> int:
    """Delete releases first seen so long ago that no group speaks of any more."""
    groups = ErrorGroup.objects.using(alias)
    spoken_of = (Exists(groups.filter(**{name: OuterRef("name")})) for name in ("resolved_release", "last_release"))
    old = ErrorRelease.objects.using(alias).filter(first_seen__lt=before)
    return delete_in_batches(old.exclude(next(spoken_of)).exclude(next(spoken_of)))
