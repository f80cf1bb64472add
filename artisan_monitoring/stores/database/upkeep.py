"""Upkeep of cells in tables: dirty hours, packing of closed hours, expiry; all in short transactions."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, transaction
from django.db.models import Count, F, QuerySet

from ...core.windows import HOUR, MINUTE
from ...models import DirtyHour, GaugeReading, MetricBucket, MetricSeries, ProducerState, StoredNote
from ..base import GAUGE_LIVES_S, GAUGE_PROCESSES, PROCESS_TTL_S
from ..hours import repacked
from ..summaries import is_summary
from . import inbox
from .cells import BUCKET
from .losses import add_losses
from .sql import ROWS_A_STATEMENT, session, slices, upsert

Form = MetricBucket.Form

SQLITE_REST_S = 0.002
SERIES_AT_ONCE = 8
"""Eight series have at most 480 one-minute cells in an hour."""


def dirty_hours(alias: str) -> dict[int, int]:
    """Return the dirty hours, each with its newest commit number."""
    return dict(DirtyHour.objects.using(alias).order_by("hour").values_list("hour", "version"))


def clean_hour(alias: str, hour: int, version: int) -> None:
    """Forget that an hour is dirty, unless it was written to since."""
    DirtyHour.objects.using(alias).filter(hour=hour, version__lte=version).delete()


def pack_hour(alias: str, hour: int, breathe: Callable[[], None], *, coarse: bool) -> int:
    """Put an hour's cells into archives, some series at a time; return how many cells were taken in."""
    done = 0
    for ids in slices(_to_pack(alias, hour, coarse=coarse), SERIES_AT_ONCE):
        if done:
            _rest(alias, breathe)
        with session(alias), transaction.atomic(using=alias):
            # Commits take the same lock first: no cell changes between being read here and being written.
            inbox.lock(alias, 0)
            done += _pack_some(alias, hour, ids, coarse=coarse)
    return done


def _to_pack(alias: str, hour: int, *, coarse: bool) -> list[str]:
    """Return the series that have something in the hour that is not yet in the right archive.

    Asked once: each answer looks through the whole hour. What comes later leaves the hour dirty, and is packed then.
    """
    forms = (Form.CELL, Form.FINE) if coarse else (Form.CELL,)
    with session(alias):
        cells = MetricBucket.objects.using(alias).filter(start__gte=hour, start__lt=hour + HOUR, form__in=forms)
        return list(cells.order_by("series_id").values_list("series_id", flat=True).distinct())


def _pack_some(alias: str, hour: int, ids: Sequence[str], *, coarse: bool) -> int:
    target = Form.COARSE if coarse else Form.FINE
    forms = tuple(Form) if coarse else (Form.CELL, Form.FINE)
    losses: dict[str, int] = {}
    ones: dict[str, list[tuple[int, int, bytes]]] = defaultdict(list)
    archives: dict[str, list[bytes]] = defaultdict(list)
    keys: dict[str, list[int]] = defaultdict(list)
    cells = MetricBucket.objects.using(alias).filter(start__gte=hour, start__lt=hour + HOUR, form__in=forms)
    rows = cells.filter(series_id__in=ids).values_list("pk", "series_id", "start", "width", "form", "cell")
    for key, series_id, start, width, form, packed in rows:
        keys[series_id].append(key)
        if form == Form.CELL:
            ones[series_id].append((start, width, bytes(packed)))
        else:
            archives[series_id].append(bytes(packed))
    made, gone, taken = [], [], 0
    for series_id in sorted(keys):
        archive, went = repacked(series_id, hour, ones[series_id], archives[series_id], losses, coarse=coarse)
        if archive is not None:
            made.append(MetricBucket(series_id=series_id, start=hour, width=HOUR, form=target, cell=archive))
            gone += keys[series_id]
            taken += 0 if is_summary(series_id) else went
    _replace(alias, gone, made)
    add_losses(alias, losses)
    return taken


def _replace(alias: str, gone: Sequence[int], made: Sequence[MetricBucket]) -> None:
    for some in slices(gone):
        MetricBucket.objects.using(alias).filter(pk__in=some).delete()
    upsert(alias, made, BUCKET, ("cell",))


def expire(alias: str, before: int, idle_before: int, clock: float, breathe: Callable[[], None]) -> int:
    """Delete what is past its time; return how many rows went."""
    old = [
        MetricBucket.objects.using(alias).filter(start__lt=before).filter(start__lt=before - F("width") + MINUTE),
        DirtyHour.objects.using(alias).filter(hour__lt=before),
        MetricSeries.objects.using(alias).filter(seen_at__lt=idle_before),
        GaugeReading.objects.using(alias).filter(at__lt=idle_before),
        ProducerState.objects.using(alias).filter(seen_at__lt=clock - PROCESS_TTL_S),
        StoredNote.objects.using(alias).filter(expires_at__lt=clock),
    ]
    gone = sum(_delete(alias, rows, breathe) for rows in old)
    return gone + sum(_delete(alias, rows, breathe) for rows in _left_readings(alias, clock - GAUGE_LIVES_S))


def _left_readings(alias: str, gone_before: float) -> list[QuerySet[Any]]:
    """Return the readings of processes that are gone, of each gauge that has too many."""
    readings = GaugeReading.objects.using(alias)
    with session(alias):
        counted = readings.values("series_id").annotate(processes=Count("pk"))
        crowded = list(counted.filter(processes__gt=GAUGE_PROCESSES).values_list("series_id", flat=True))
        found = []
        for series_id in crowded:
            mine = readings.filter(series_id=series_id)
            oldest_kept = mine.order_by("-at").values_list("at", flat=True)[GAUGE_PROCESSES - 1]
            found.append(mine.filter(at__lt=min(oldest_kept, gone_before)))
    return found


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
