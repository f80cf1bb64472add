"""Losses in a table: how many observations went, by reason."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F

from ...models import Loss
from ..merging import MOST


def losses(alias: str) -> dict[str, int]:
    """Return all losses by reason."""
    return dict(Loss.objects.using(alias).values_list("reason", "count"))


def add_losses(alias: str, found: Mapping[str, int]) -> None:
    """Add losses; in a transaction of the caller's, if there is one."""
    rows = Loss.objects.using(alias)
    with transaction.atomic(using=alias):
        for reason, count in sorted(found.items()):
            count = min(count, MOST)  # noqa: PLW2901  # a forged count must not overflow the column
            if count and not rows.filter(reason=reason).update(count=F("count") + count):
                rows.bulk_create([Loss(reason=reason)], ignore_conflicts=True)
                rows.filter(reason=reason).update(count=F("count") + count)
