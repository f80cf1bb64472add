"""Upkeep of cells in tables: dirty hours, packing of closed hours, expiry; all in short transactions."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet

from ...core.histogram import COARSE_SCHEMA, Cell
from ...core.packing import pack_cell
from ...core.windows import HOUR, MINUTE, TEN_MINUTES, floor
from ...models import DirtyHour, GaugeReading, MetricBucket, MetricSeries, ProducerState, StoredNote
from ..base import PROCESS_TTL_S
from ..merging import stored_cell
from . import inbox
from .losses import add_losses
from .sql import ROWS_A_STATEMENT, session, upsert

SQLITE_REST_S = 0.002
SERIES_AT_ONCE = 8
"""Eight series have at most 480 one-minute cells in an hour."""


def dirty_hours(alias: str) -> dict[int, int]:
    """Return the dirty hours, each with its newest commit number."""
    return dict(DirtyHour.objects.using(alias).order_by("hour").values_list("hour", "version"))


def clean_hour(alias: str, hour: int, version: int) -> None:
    """Forget that an hour is dirty, unless it was written to since."""
    DirtyHour.objects.using(alias).filter(hour=hour, version__lte=version).delete()


def pack_hour(alias: str, hour: int, breathe: Callable[[], None]) -> int:
    """Merge an hour's one-minute cells into ten-minute cells, some series at a time; return how many went."""
    done = 0
    while True:
        with session(alias), transaction.atomic(using=alias):
            # Commits take the same lock first: no cell changes between being read here and being written.
            inbox.lock(alias, 0)
            went = _pack_some(alias, hour)
        if not went:
            return done
        done += went
        _rest(alias, breathe)


def _pack_some(alias: str, hour: int) -> int:
    cells = MetricBucket.objects.using(alias).filter(start__gte=hour, start__lt=hour + HOUR)
    fine = cells.filter(width=MINUTE)
    ids = list(fine.order_by("series_id").values_list("series_id", flat=True).distinct()[:SERIES_AT_ONCE])
    if not ids:
        return 0
    losses: dict[str, int] = {}
    merged: dict[tuple[str, int], Cell] = defaultdict(Cell)
    primary_keys = []
    some = cells.filter(series_id__in=ids, width__in=(MINUTE, TEN_MINUTES)).order_by("start")
    for key, series_id, start, width, packed in some.values_list("pk", "series_id", "start", "width", "cell"):
        merged[series_id, floor(start, TEN_MINUTES)].merge(stored_cell(bytes(packed), losses))
        if width == MINUTE:
            primary_keys.append(key)
    rows = []
    for (series_id, start), cell in sorted(merged.items()):
        cell.coarsen(COARSE_SCHEMA)
        rows.append(MetricBucket(series_id=series_id, start=start, width=TEN_MINUTES, cell=pack_cell(cell)))
    upsert(alias, rows, ("series_id", "start", "width"), ("cell",))
    cells.filter(pk__in=primary_keys).delete()
    add_losses(alias, losses)
    return len(primary_keys)


def expire(alias: str, before: int, idle_before: int, clock: float, breathe: Callable[[], None]) -> int:
    """Delete what is past its time; return how many rows went."""
    old = [
        MetricBucket.objects.using(alias).filter(start__lt=before),
        DirtyHour.objects.using(alias).filter(hour__lt=before),
        MetricSeries.objects.using(alias).filter(seen_at__lt=idle_before),
        GaugeReading.objects.using(alias).filter(at__lt=idle_before),
        ProducerState.objects.using(alias).filter(seen_at__lt=clock - PROCESS_TTL_S),
        StoredNote.objects.using(alias).filter(expires_at__lt=clock),
    ]
    return sum(_delete(alias, rows, breathe) for rows in old)


def _delete(alias: str, rows: QuerySet[Any], breathe: Callable[[], None]) -> int:
    done = 0
    while True:
        with session(alias):
            keys = list(rows.values_list("pk", flat=True)[:ROWS_A_STATEMENT])
            # The condition again: what was written to since it was looked at stays.
            went = rows.filter(pk__in=keys).delete()[0] if keys else 0
        done += went
        if len(keys) < ROWS_A_STATEMENT:
            return done
        _rest(alias, breathe)


def _rest(alias: str, breathe: Callable[[], None]) -> None:
    """Let others write between two steps: who waits for SQLite's lock asks now and then, and is in no queue."""
    if connections[alias].vendor == "sqlite":
        time.sleep(SQLITE_REST_S)
    breathe()
