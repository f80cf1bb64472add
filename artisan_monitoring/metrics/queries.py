"""Asking for metrics: cells over a window, by slot and by group, from fine buckets and roll-ups alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from ..conf import get_settings
from ..core.histogram import Cell, WideCell
from ..core.packing import unpack_cell
from ..core.series import Series, series_from_text
from ..core.windows import DAY, HOUR, MINUTE, floor, step_for
from ..models import MetricRollup
from ..pipeline.pacing import breathe
from ..stores import get_store
from ..stores.base import GAUGE_SILENCE_FLUSHES, Bucket, GaugeValue, Store
from ..stores.connection import own_connection

Group = tuple[str, ...]

REQUESTS = "http.server.request.duration"
STATUS = "http.response.status_code"


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted in the slot that begins at `start` (seconds since the epoch)."""

    start: int
    cell: Cell


@dataclass(slots=True)
class Result:
    """A window's cells. `groups` maps the values of `group_by`'s tags (empty for a missing tag) to points in order;
    slots without data have no point. `as_of` is the store's time of the answer, `kind` the metric's, empty where
    nothing was found.
    """

    start: int
    end: int
    step_s: int
    as_of: float
    groups: dict[Group, list[Point]] = field(default_factory=dict)
    kind: str = ""

    def total(self, group: Group = ()) -> Cell:
        """Return one cell over the whole window, empty for an unknown group."""
        total = WideCell()
        for point in self.groups.get(group, ()):
            total.merge(point.cell)
        return total

    def rate(self, group: Group = ()) -> float:
        """Return what was counted per second of what is over of the window: a counter's sum, else observations."""
        total = self.total(group)
        covered_s = min(self.end, self.as_of) - self.start
        return (total.sum if self.kind == "counter" else total.count) / covered_s if covered_s > 0 else 0.0

    def overall(self) -> Cell:
        """Return one cell over the whole window and all groups."""
        total = WideCell()
        for group in self.groups:
            total.merge(self.total(group))
        return total


@dataclass(slots=True)
class Answered:
    """The requests of one slot; `failed` of them were answered with 500 or above."""

    cell: Cell = field(default_factory=WideCell)
    failed: int = 0


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What there is to ask for."""

    name: str
    kind: str
    unit: str
    tags: tuple[tuple[str, str], ...]


def names(name: str | None = None) -> list[SeriesInfo]:
    """Return every series that the store knows, by name and tags."""
    known = [SeriesInfo(each.name, each.kind, each.unit, each.tags) for each in get_store().series(name)]
    return sorted(known, key=lambda each: (each.name, each.tags))


def read(
    name: str,
    start: float,
    end: float,
    *,
    step_s: int | None = None,
    group_by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    points: int = 60,
) -> Result:
    """Return a metric's cells in [start, end), exact at the edges to the slot.

    `step_s` is the width of a slot, in whole minutes; without it the window makes at most `points` slots. `where` keeps
    the series that carry all of its tags. Raise `ValueError` for a window that ends before it begins.
    """
    if end <= start:
        raise ValueError(f"end ({end}) must be after start ({start})")
    store = get_store()
    step = max(MINUTE, floor(step_s, MINUTE)) if step_s else step_for(start, end, points)
    first = floor(start, step)
    result = Result(first, int(end), step, store.now())
    cells: dict[Group, dict[int, Cell]] = {}
    for series, bucket in _buckets(store, name, where or {}, first, end, result.as_of):
        result.kind = series.kind
        slots = cells.setdefault(_group(series, group_by), {})
        slot = floor(bucket.start, step)
        if slot not in slots:
            slots[slot] = WideCell()
        slots[slot].merge(bucket.cell)
        breathe()
    result.groups = {
        group: [Point(slot, slots[slot]) for slot in sorted(slots)] for group, slots in sorted(cells.items())
    }
    return result


def error_rates(
    start: float, end: float, *, group_by: Sequence[str] = (), where: Mapping[str, str] | None = None
) -> dict[Group, float]:
    """Return the share of requests in [start, end) that were answered with 500 or above, by the values of tags.

    Without `group_by` there is one group, `()`. A group without requests has no rate. Raise as `read` does.
    """
    found = read(REQUESTS, start, end, group_by=(*group_by, STATUS), where=where, points=1)
    counts: dict[Group, tuple[int, int]] = {}
    for *group, status in found.groups:
        count = found.total((*group, status)).count
        failed, all_of_them = counts.get(tuple(group), (0, 0))
        counts[tuple(group)] = failed + (count if status.startswith("5") else 0), all_of_them + count
    return {group: failed / all_of_them for group, (failed, all_of_them) in counts.items() if all_of_them}


def requests(start: float, end: float, step_s: int) -> dict[int, Answered]:
    """Return all requests in [start, end) by the start of their slot, out of what the store has.

    It reads one summary a slot and not every series: a week of 500 is 1,100 instead of 560,000.
    """
    store = get_store()
    failing = {int(each.id, 16) for each in store.series(REQUESTS) if dict(each.tags).get(STATUS, "").startswith("5")}
    slots: dict[int, Answered] = {}
    for at, _, summary in store.summaries(REQUESTS, start, end):
        slot = slots.setdefault(floor(at, step_s), Answered())
        slot.cell.merge(summary.cell)
        failed = [number in failing for number in summary.ids]
        slot.failed += sum(compress(summary.counts, failed))
        breathe()
    return slots


def gauge_now(name: str, where: Mapping[str, str] | None = None) -> float | None:
    """Return a gauge's value now, its processes combined as the metric says; nothing where no process has one."""
    store = get_store()
    series = [each for each in store.series(name) if each.kind == "gauge" and _matches(each, where or {})]
    readings = store.gauges([each.id for each in series])
    fresh_s = GAUGE_SILENCE_FLUSHES * (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s)
    values = [value for each in series if (value := combine(each, readings.get(each.id, ()), fresh_s)) is not None]
    if not values:
        return None
    return max(values) if series[0].combine == "max" else min(values) if series[0].combine == "min" else sum(values)


def combine(series: Series, readings: Iterable[GaugeValue], fresh_s: float) -> float | None:
    """Make one value of a gauge's processes; only `last` believes a process that has been silent."""
    readings = list(readings)
    if series.combine == "last":
        newest = min(readings, key=lambda each: each.age_s, default=None)
        return newest.value if newest else None
    values = [each.value for each in readings if each.age_s <= fresh_s]
    if not values:
        return None
    if series.combine == "sum":
        return sum(values)
    return max(values) if series.combine == "max" else min(values)


def _matches(series: Series, where: Mapping[str, str]) -> bool:
    tags = dict(series.tags)
    return all(tags.get(key) == value for key, value in where.items())


def _group(series: Series, group_by: Sequence[str]) -> Group:
    tags = dict(series.tags)
    return tuple(tags.get(key, "") for key in group_by)


def _buckets(
    store: Store, name: str, where: Mapping[str, str], start: float, end: float, now: float
) -> Iterator[tuple[Series, Bucket]]:
    """Yield cells with their series: roll-ups for the hours whose buckets have expired, buckets for the rest."""
    oldest = floor(now - get_settings().RETENTION.METRICS * DAY, HOUR)
    for day in range(int(start), min(int(end), oldest), DAY):
        # By the day, since three months of a metric with many series do not fit in memory.
        for series, bucket in _rollups(name, day, min(day + DAY, int(end), oldest)):
            if _matches(series, where):
                yield series, bucket
    if end > oldest:
        known = {each.id: each for each in store.series(name) if _matches(each, where)}
        for bucket in store.buckets(list(known), max(start, oldest), end) if known else ():
            yield known[bucket.series_id], bucket


def _rollups(name: str, start: int, end: int) -> Iterator[tuple[Series, Bucket]]:
    """Yield what a metric's series have in the hours of a window; they name themselves, for the store may have
    forgotten the silent ones.
    """
    using = get_settings().DATABASE
    with own_connection(using):
        rows = list(
            MetricRollup.objects.using(using)
            .filter(name=name, group="", width=HOUR, start__gte=start, start__lt=end)
            .exclude(series_id="")
            .values_list("text", "series_id", "start", "cell")
        )
    for text, series_id, at, packed in rows:
        yield series_from_text(text), Bucket(series_id, at, HOUR, unpack_cell(bytes(packed)))
