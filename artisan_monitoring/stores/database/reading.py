"""Reading cells out of tables, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import F

from ...core.archive import Slot, unpack_cells
from ...core.packing import NotABatch, unpack_cell
from ...core.series import Series, series_from_text
from ...core.summary import Summary
from ...core.windows import HOUR, MINUTE, floor
from ...models import GaugeReading, MetricBucket, MetricSeries
from ..base import Bucket, GaugeValue, Total
from ..hours import archived_summaries
from ..summaries import stored_summary, summary_id
from .sql import Clock, session, slices

CELLS_AT_ONCE = 5000
"""At most about 2 MB of packed cells in memory."""


def series(alias: str, name: str | None) -> list[Series]:
    """Return the series of one metric, or all."""
    rows = MetricSeries.objects.using(alias)
    texts = (rows.filter(name=name) if name is not None else rows).order_by("id").values_list("text", flat=True)
    return [series_from_text(text) for text in texts]


def totals(alias: str, name: str | None) -> list[Total]:
    """Return the cumulative totals of one metric's series, or of all."""
    rows = MetricSeries.objects.using(alias).order_by("id")
    found = []
    for text, packed, created_at in (
        (rows.filter(name=name) if name is not None else rows).values_list("text", "total", "created_at").iterator()
    ):
        try:
            found.append(Total(series_from_text(text), unpack_cell(bytes(packed)), created_at))
        except NotABatch:
            # The next commit into it counts the loss and starts it anew.
            continue
    return found


def buckets(alias: str, series_ids: Sequence[str], start: float, end: float) -> Iterator[Bucket]:
    """Yield the cells of a window. Each piece is read whole: nothing of the caller runs on our connection."""
    slots = max(1, int(end - start) // MINUTE)
    for some in slices(series_ids, min(500, max(1, CELLS_AT_ONCE // slots))):
        with session(alias):
            rows = list(
                MetricBucket.objects.using(alias)
                .filter(series_id__in=some, start__gte=floor(start, HOUR), start__lt=end)
                .values_list("series_id", "start", "width", "form", "cell")
            )
        for series_id, at, width, form, packed in rows:
            for slot_start, slot_width, cell in _slots(at, width, form, bytes(packed)):
                if start <= slot_start < end:
                    yield Bucket(series_id, slot_start, slot_width, cell)


def summaries(alias: str, name: str, start: float, end: float) -> Iterator[tuple[int, int, Summary]]:
    """Yield a metric's summaries in a window, hour by hour."""
    for hour in range(floor(start, HOUR), int(-(-end // 1)), HOUR):
        with session(alias):
            rows = list(
                MetricBucket.objects.using(alias)
                .filter(series_id=summary_id(name), start__gte=hour, start__lt=min(hour + HOUR, end))
                .values_list("start", "width", "form", "cell")
            )
        for at, width, form, packed in rows:
            for slot_start, slot_width, summary in _summaries(at, width, form, bytes(packed)):
                if start <= slot_start < end:
                    yield slot_start, slot_width, summary


def _summaries(start: int, width: int, form: int, packed: bytes) -> list[tuple[int, int, Summary]]:
    if form == MetricBucket.Form.CELL:
        return [(start, width, stored_summary(packed, {}))]
    return archived_summaries(packed, {})


def _slots(start: int, width: int, form: int, packed: bytes) -> list[Slot]:
    """Return what a row holds; nothing if it cannot be read, which the next commit or packing counts."""
    try:
        return [(start, width, unpack_cell(packed))] if form == MetricBucket.Form.CELL else unpack_cells(packed)
    except NotABatch:
        return []


def gauges(alias: str, series_ids: Sequence[str]) -> dict[str, list[GaugeValue]]:
    """Return each gauge's last value in each process."""
    found: dict[str, list[GaugeValue]] = {}
    for some in slices(series_ids):
        rows = GaugeReading.objects.using(alias).filter(series_id__in=some).order_by("series_id", "process")
        for series_id, process, value, age in rows.values_list("series_id", "process", "value", Clock() - F("at")):
            found.setdefault(series_id, []).append(GaugeValue(process, value, max(0.0, age)))
    return found
