"""The list of metrics: what is recorded, of which kind, in how many series, and what the last hour held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..core.histogram import Cell, WideCell
from ..core.series import OVERFLOW
from ..core.windows import HOUR, MINUTE, floor
from ..metrics.queries import SeriesInfo, names
from ..stores import get_store
from . import figures, rollups
from .metric import Asked
from .rollups import Rolled

PER_PAGE = 40
LIVE_SERIES = 400
"""A page with more series shows the last full hour of roll-ups: reading their minutes would take a second."""


@dataclass(slots=True)
class Metric:
    """One metric. `cell` holds its last hour, over all series."""

    name: str
    kind: str
    unit: str
    series: list[SeriesInfo] = field(default_factory=list)
    cell: Cell = field(default_factory=WideCell)

    @property
    def overflowed(self) -> bool:
        """Whether it has more series than are kept, so that some are counted together."""
        return any(each.tags == OVERFLOW for each in self.series)

    @property
    def tags(self) -> list[str]:
        """The keys of its tags."""
        return sorted({key for each in self.series for key, _ in each.tags if each.tags != OVERFLOW})

    @property
    def query(self) -> str:
        """The query of the address of its own page."""
        return Asked(self.name, self.kind, self.unit).query()

    @property
    def figures(self) -> list[str]:
        """Count, mean, p95 and highest value, readable; a counter has a sum in place of a count, and no more."""
        cell = self.cell
        if not cell.count:
            return [figures.NOTHING] * 4
        if self.kind == "counter":
            return [figures.number(cell.sum), *[figures.NOTHING] * 3]
        p95 = cell.quantile(0.95)
        return [figures.count(cell.count), *(figures.by_unit(each, self.unit) for each in (cell.avg, p95, cell.max))]


def metrics(asked: str = "") -> list[Metric]:
    """Return the metrics whose name holds `asked`, by name; a metric of two kinds or units is two."""
    found: dict[tuple[str, str, str], Metric] = {}
    wanted = asked.lower()
    for each in names():
        if wanted in each.name.lower():
            key = (each.name, each.kind, each.unit)
            if key not in found:
                found[key] = Metric(*key)
            found[key].series.append(each)
    return [found[key] for key in sorted(found)]


def fill(page: Sequence[Metric]) -> str:
    """Read the last hour of the metrics of one page into their cells; return which hour that is."""
    if sum(len(each.series) for each in page) <= LIVE_SERIES:
        return _fill_live(page)
    return _fill_from_rollups(page)


def _fill_live(page: Iterable[Metric]) -> str:
    store = get_store()
    now = store.now()
    wanted = {(each.name, each.kind, each.unit): each for each in page}
    owners = {each.id: owner for each in store.series() if (owner := wanted.get((each.name, each.kind, each.unit)))}
    start = floor(now, MINUTE) - HOUR + MINUTE
    for bucket in store.buckets(list(owners), start, now) if owners else ():
        owners[bucket.series_id].cell.merge(bucket.cell)
    return "the last 60 minutes"


def _fill_from_rollups(page: Sequence[Metric]) -> str:
    hour = floor(get_store().now(), HOUR) - HOUR
    found = rollups.metric_totals({each.name for each in page}, Rolled(frozenset({hour})))
    for each in page:
        if (key := (each.name, each.kind, each.unit)) in found:
            each.cell = found[key]
    return f"{figures.clock(hour)}–{figures.clock(hour + HOUR)} UTC"
