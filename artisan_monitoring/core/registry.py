"""The series one process records, within limits: too many and a metric's new ones share one overflow series."""

from __future__ import annotations

from collections.abc import Iterator

from .histogram import Cell, bounds_for
from .series import OVERFLOW, Combine, Kind, Series, Tags


class LiveSeries:
    """A series with the cell that is being filled, or nothing since the buffer was last swapped."""

    __slots__ = ("bounds", "cell", "level", "series", "touched")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.bounds = bounds_for(series.unit)
        self.cell: Cell | None = None
        self.level: float = 0
        """A gauge's last value in this process."""
        self.touched = 0.0
        """When it was last harvested, by the clock of the caller of `forget_idle`."""


class Metric:
    """One metric name: what it is, and its series."""

    __slots__ = ("combine", "kind", "name", "overflow", "series", "unit")

    def __init__(self, name: str, kind: Kind, unit: str, combine: Combine) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.combine = combine
        self.series: dict[Tags, LiveSeries] = {}
        self.overflow: LiveSeries | None = None

    def make(self, tags: Tags) -> LiveSeries:
        return LiveSeries(Series(self.name, self.kind, self.unit, tags, self.combine))


class Registry:
    """All metrics of a process. Not thread-safe: the buffer's lock guards it."""

    def __init__(self, per_metric: int = 2000, metrics: int = 500, series: int = 10_000) -> None:
        self.per_metric = per_metric
        self.max_metrics = metrics
        self.max_series = series
        self.size = 0
        self.overflowed = 0
        """Observations that went to an overflow series or had no metric left, since the process began."""
        self._metrics: dict[str, Metric] = {}

    def metric(self, name: str, kind: Kind, unit: str, combine: Combine) -> Metric | None:
        """Return the metric of a name, made at first sight; nothing when there are too many names.

        Raise `ValueError` where the name is known with another kind or unit.
        """
        known = self._metrics.get(name)
        if known is not None:
            if known.kind != kind or known.unit != unit:
                was = f"a {known.kind} in {known.unit!r}"
                raise ValueError(f"metric {name!r} is {was} in this process, not a {kind} in {unit!r}")
            return known
        if len(self._metrics) >= self.max_metrics:
            return None
        made = self._metrics[name] = Metric(name, kind, unit, combine)
        return made

    def resolve(self, metric: Metric, tags: Tags) -> tuple[LiveSeries, bool]:
        """Return the series of a metric with these clean tags, and whether it is the overflow series."""
        live = metric.series.get(tags)
        if live is not None:
            return live, False
        if len(metric.series) < self.per_metric and self.size < self.max_series:
            live = metric.series[tags] = metric.make(tags)
            self.size += 1
            return live, False
        if metric.overflow is None:
            metric.overflow = metric.make(OVERFLOW)
        return metric.overflow, True

    def live(self) -> Iterator[LiveSeries]:
        """Yield every series, the overflow ones too."""
        for metric in self._metrics.values():
            yield from metric.series.values()
            if metric.overflow is not None:
                yield metric.overflow

    def forget_idle(self, before: float) -> int:
        """Drop the series that were last harvested before a time and hold nothing; return how many went."""
        gone = 0
        for metric in self._metrics.values():
            idle = [tags for tags, live in metric.series.items() if live.cell is None and live.touched < before]
            for tags in idle:
                del metric.series[tags]
            gone += len(idle)
        self.size -= gone
        return gone
