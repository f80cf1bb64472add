"""A commit in tables: compare the cursor, then merge deltas into slots and totals, all in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import F

from ...core.packing import Delta
from ...core.series import Series
from ...exceptions import CursorMoved
from ...models import DirtyHour, GaugeReading, InboxState, MetricBucket, MetricSeries, ProducerState
from ..base import Commit, Producer
from ..merging import MOST, Gauge, hours_of, keep_within_limit, merged_slot, merged_totals, newest_gauges, series_of
from ..summaries import merged_summaries, slots_of_summaries
from .losses import add_losses
from .sql import Clock, slices, upsert

Slot = tuple[str, int, int]

BUCKET = ("series_id", "start", "width", "form")
"""What makes a row of buckets the only one of its kind."""


def commit(alias: str, wanted: Commit, breathe: Callable[[], None]) -> None:
    """Apply a commit; see `Store.commit`."""
    with transaction.atomic(using=alias):
        number, clock = _move_cursor(alias, wanted)
        losses = dict(wanted.losses)
        registry = MetricSeries.objects.using(alias)
        known = _totals_of(alias, series_of(wanted))
        wanted.deltas, wanted.gauges = keep_within_limit(wanted, known, registry.count, 1, losses)
        targets = series_of(wanted)
        known |= _totals_of(alias, targets.keys() - known.keys())
        taken = _merge_slots(alias, wanted.deltas, losses, breathe)
        _write_summaries(alias, taken, losses)
        _write_totals(alias, merged_totals(taken, targets, known, losses), targets, clock)
        _write_gauges(alias, newest_gauges(wanted.gauges))
        dirty = [DirtyHour(hour=hour, version=number) for hour in hours_of(wanted.deltas)]
        upsert(alias, dirty, ("hour",), ("version",))
        _write_producers(alias, wanted.shard, wanted.producers, clock)
        add_losses(alias, losses)


def _move_cursor(alias: str, wanted: Commit) -> tuple[int, float]:
    """Set the cursor if it is still where it was read, which locks the shard; return the commit's number and time."""
    states = InboxState.objects.using(alias).filter(shard=wanted.shard)
    expected, new = wanted.expected, wanted.new
    moved = states.filter(
        epoch=expected.epoch, cursor_position=expected.position, cursor_offset=expected.offset
    ).update(cursor_position=new.position, cursor_offset=new.offset, commits=F("commits") + 1)
    if not moved:
        raise CursorMoved(f"shard {wanted.shard} is not at {expected}")
    number, clock = states.values_list("commits", Clock()).get()
    return number, clock


def _totals_of(alias: str, ids: Collection[str]) -> dict[str, bytes]:
    """Return the packed totals of the series that are registered."""
    found: dict[str, bytes] = {}
    for some in slices(sorted(ids)):
        rows = MetricSeries.objects.using(alias).filter(id__in=some).values_list("id", "total")
        found.update((key, bytes(total)) for key, total in rows)
    return found


def _merge_slots(
    alias: str, deltas: Sequence[Delta], losses: dict[str, int], breathe: Callable[[], None]
) -> list[Delta]:
    """Merge deltas into their slots; return those that went in."""
    stored = _cells_of(alias, deltas)
    rows, taken = [], []
    for delta in deltas:
        breathe()
        slot = (delta.series.id, delta.start, delta.width)
        packed = merged_slot(delta, stored.get(slot), losses)
        if packed is not None:
            rows.append(MetricBucket(series_id=slot[0], start=slot[1], width=slot[2], cell=packed))
            taken.append(delta)
    upsert(alias, rows, BUCKET, ("cell",))
    return taken


def _write_summaries(alias: str, taken: Sequence[Delta], losses: dict[str, int]) -> None:
    known = {}
    for key, start, width in slots_of_summaries(taken):
        slot = MetricBucket.objects.using(alias).filter(series_id=key, start=start, width=width)
        for packed in slot.filter(form=MetricBucket.Form.CELL).values_list("cell", flat=True):
            known[key, start, width] = bytes(packed)
    rows = [
        MetricBucket(series_id=key, start=start, width=width, cell=packed)
        for (key, start, width), packed in merged_summaries(taken, known, losses).items()
    ]
    upsert(alias, rows, BUCKET, ("cell",))


def _cells_of(alias: str, deltas: Iterable[Delta]) -> dict[Slot, bytes]:
    """Return the packed cells that stand in the deltas' slots; a drain brings many series of few slots."""
    ids: dict[tuple[int, int], list[str]] = defaultdict(list)
    for delta in deltas:
        ids[delta.start, delta.width].append(delta.series.id)
    found: dict[Slot, bytes] = {}
    for (start, width), members in sorted(ids.items()):
        slot = MetricBucket.objects.using(alias).filter(start=start, width=width, form=MetricBucket.Form.CELL)
        for some in slices(members):
            for series_id, cell in slot.filter(series_id__in=some).values_list("series_id", "cell"):
                found[series_id, start, width] = bytes(cell)
    return found


def _write_totals(alias: str, totals: dict[str, bytes], series: dict[str, Series], clock: float) -> None:
    rows = [
        MetricSeries(
            id=key, name=series[key].name, text=series[key].text, total=packed, created_at=clock, seen_at=clock
        )
        for key, packed in totals.items()
    ]
    upsert(alias, rows, ("id",), ("total", "seen_at"))


def _write_gauges(alias: str, gauges: Sequence[Gauge]) -> None:
    """Write the last values; one with an older time than what stands there is left out."""
    stored: dict[tuple[str, str], float] = {}
    for some in slices(gauges):
        rows = GaugeReading.objects.using(alias).filter(series_id__in={gauge[0].id for gauge in some})
        stored.update({(key, process): at for key, process, at in rows.values_list("series_id", "process", "at")})
    newer = [
        GaugeReading(series_id=series.id, process=process, value=value, at=at)
        for series, process, value, at in gauges
        if at >= stored.get((series.id, process), at)
    ]
    upsert(alias, newer, ("series_id", "process"), ("value", "at"))


def _write_producers(alias: str, shard: int, producers: Sequence[Producer], clock: float) -> None:
    rows = [
        ProducerState(
            shard=shard, process=each.process, appended=each.sequence, seen_at=clock,
            drained=each.sequence, observations=min(each.observations, MOST),
        )
        for each in sorted(producers, key=lambda each: each.process)
    ]  # fmt: skip
    # The guard `appended` of a process that is known stays: it may have appended more than was drained.
    upsert(alias, rows, ("shard", "process"), ("drained", "observations", "seen_at"))
