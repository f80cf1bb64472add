"""Reading hourly and daily roll-ups: summaries and pre-merged totals, and cells of single series."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from ..conf import get_settings
from ..core.histogram import Cell, WideCell
from ..core.packing import unpack_cell
from ..core.series import Series, series_from_text
from ..core.summary import Summary, unpack_summary
from ..core.windows import DAY, HOUR, floor
from ..metrics.rollup import SUMMARY
from ..models import MetricRollup
from ..stores.connection import own_connection
from .tallies import Route

ROUTE = "http.route"
STATUS = "http.response.status_code"
IDS = 100
"""Series asked for in one query: a week of them is 17,000 cells, which are held at once."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """The hours that roll-ups speak for; a whole day of them is read as one row."""

    hours: frozenset[int]

    @property
    def days(self) -> list[int]:
        """The days of which every hour is rolled up."""
        starts = {floor(hour, DAY) for hour in self.hours}
        return sorted(day for day in starts if all(day + n * HOUR in self.hours for n in range(24)))

    def slots(self) -> Q:
        """Select the fewest rows that make up the hours."""
        days = self.days
        whole = {day + n * HOUR for day in days for n in range(24)}
        rest = sorted(self.hours - whole)
        return Q(width=DAY, start__in=days) | Q(width=HOUR, start__in=rest)


def summaries(name: str, rolled: Rolled, *, by_day: bool) -> list[tuple[int, int, Summary]]:
    """Return a metric's summaries of some hours as (start, width, summary); `by_day`: those of a whole day as one."""
    if not rolled.hours:
        return []
    hours = rolled.slots() if by_day else Q(width=HOUR, start__in=sorted(rolled.hours))
    with own_connection(get_settings().DATABASE):
        rows = _rows(name, "distribution").filter(hours, series_id="", group=SUMMARY, value="")
        found = list(rows.values_list("start", "width", "cell"))
    return [(start, width, unpack_summary(bytes(packed))) for start, width, packed in found]


def series_of(name: str, series_ids: Sequence[str]) -> list[Series]:
    """Return what is known of series by their days, which name them."""
    texts: set[str] = set()
    for at in range(0, len(series_ids), IDS):
        with own_connection(get_settings().DATABASE):
            some = series_ids[at : at + IDS]
            rows = _rows(name, "distribution").filter(series_id__in=some, group="", value="", width=DAY)
            texts.update(rows.values_list("text", flat=True).distinct())
    return [series_from_text(text) for text in texts]


def read_route_cells(routes: Mapping[str, Route], name: str, rolled: Rolled) -> None:
    """Merge the roll-ups of some routes into their cells, for the percentiles of the rows that are shown."""
    if not rolled.hours or not routes:
        return
    with own_connection(get_settings().DATABASE):
        rows = _rows(name, "distribution").filter(rolled.slots(), series_id="", group=ROUTE, value__in=list(routes))
        for value, packed in rows.values_list("value", "cell"):
            cell = unpack_cell(bytes(packed))
            cell.classic = None
            routes[value].cell.merge(cell)


def total(name: str, rolled: Rolled) -> float:
    """Return a counter's sum over some hours."""
    if not rolled.hours:
        return 0.0
    with own_connection(get_settings().DATABASE):
        rows = _rows(name, "counter").filter(rolled.slots(), series_id="", group="", value="")
        return float(rows.aggregate(total=Sum("sum"))["total"] or 0.0)


def metric_totals(names: Collection[str], rolled: Rolled) -> dict[tuple[str, str, str], Cell]:
    """Return the totals of metrics over some hours by (name, kind, unit), in one query."""
    found: dict[tuple[str, str, str], Cell] = {}
    using = get_settings().DATABASE
    with own_connection(using):
        rows = MetricRollup.objects.using(using).filter(rolled.slots(), name__in=names, series_id="", group="")
        for name, kind, unit, packed in rows.values_list("name", "kind", "unit", "cell"):
            found.setdefault((name, kind, unit), WideCell()).merge(unpack_cell(bytes(packed)))
    return found


def series_cells(name: str, kind: str, series_ids: Sequence[str], rolled: Rolled) -> Iterator[tuple[str, int, Cell]]:
    """Yield the cells of some series in some hours, as (series id, start, cell)."""
    hours = sorted(rolled.hours)
    for at in range(0, len(series_ids) if hours else 0, IDS):
        with own_connection(get_settings().DATABASE):
            rows = _rows(name, kind).filter(width=HOUR, start__in=hours, series_id__in=series_ids[at : at + IDS])
            found = list(rows.values_list("series_id", "start", "cell"))
        yield from ((series_id, start, unpack_cell(bytes(packed))) for series_id, start, packed in found)


def merged_cells(name: str, kind: str, unit: str, tag: str, rolled: Rolled) -> Iterator[tuple[str, int, Cell]]:
    """Yield a metric's pre-merged cells in some hours as (the tag's value, start, cell); no tag: of all series."""
    if not rolled.hours:
        return
    with own_connection(get_settings().DATABASE):
        rows = _rows(name, kind).filter(unit=unit, series_id="", group=tag, width=HOUR, start__in=sorted(rolled.hours))
        found = list(rows.values_list("value", "start", "cell"))
    yield from ((value, start, unpack_cell(bytes(packed))) for value, start, packed in found)


def _rows(name: str, kind: str) -> QuerySet[MetricRollup]:
    # Name and kind begin the index: with one of them left out every row of the metric would be looked at.
    return MetricRollup.objects.using(get_settings().DATABASE).filter(name=name, kind=kind)
