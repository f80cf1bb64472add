"""Prepared metrics for the hot path: the metric is looked up once, a series by one dictionary look-up."""

from __future__ import annotations

from typing import TypeAlias

from ..core.registry import LiveSeries, Metric
from ..core.series import Combine, Kind, Tags, clean_tags
from ..pipeline.buffer import buffer

LARGEST = 1e300
"""Beyond it sums would leave the range of a double."""

ALIASES = 4096
"""Other orders of tags a handle remembers; beyond it they are forgotten, since they are only a short cut."""

RawTags: TypeAlias = tuple[tuple[str, str], ...]


class Handle:
    """One metric of this process. Values are checked only as far as it is free: callers are ours.

    Tags are a tuple of (key, value) pairs of strings. In the order of their keys they are found at once, among the
    metric's series; in another order by a second look-up.
    """

    __slots__ = ("_aliases", "combine", "generation", "kind", "name", "series", "unit")

    def __init__(self, name: str, unit: str, kind: Kind, combine: Combine = "max") -> None:
        self.name = name
        self.unit = unit
        self.kind = kind
        self.combine = combine
        self.series: dict[RawTags, LiveSeries] = {}
        self._aliases: dict[RawTags, LiveSeries] = {}
        self.generation = -1

    def add(self, value: float = 1, tags: RawTags = ()) -> None:
        """Add to a counter."""
        live = self.series.get(tags)
        if live is None or self.generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.add(live, value)

    def observe(self, value: float, tags: RawTags = (), exemplar: dict[str, str] | None = None) -> None:
        """Record a value of a distribution."""
        live = self.series.get(tags)
        if live is None or self.generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.observe(live, value, exemplar)

    def set(self, value: float, tags: RawTags = ()) -> None:
        """Set a gauge."""
        live = self.series.get(tags)
        if live is None or self.generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.set(live, value)

    def live(self, tags: RawTags) -> LiveSeries | None:
        """Return the series of these tags; nothing (and one drop counted) where the metric cannot be had."""
        if self.generation == buffer.generation:
            alias = self._aliases.get(tags)
            if alias is not None:
                return alias
        else:
            self._aliases.clear()
            self.series = {}
            self.generation = buffer.generation
        metric = self._metric()
        if metric is None:
            return None
        self.series = metric.series
        return self._resolve(metric, tags)

    def _resolve(self, metric: Metric, tags: RawTags) -> LiveSeries:
        cleaned: Tags = clean_tags(tags)
        plain = all(type(part) is str for pair in tags for part in pair)
        # One object is the key and in the series: 170 bytes a series.
        live = buffer.resolve(metric, tags if plain and tags == cleaned else cleaned)
        # What went to the overflow series asks again each time, so that each observation of it is counted. So do tags
        # that are not strings: 1, 1.0 and True are one key of a dictionary, and three different tags.
        if plain and tags != cleaned and live.series.tags == cleaned:
            if len(self._aliases) >= ALIASES:
                self._aliases.clear()
            self._aliases[tags] = live
        return live

    def _metric(self) -> Metric | None:
        try:
            metric = buffer.metric(self.name, self.kind, self.unit, self.combine)
        except ValueError:
            # Somebody recorded this name as something else first. A handle's caller has nobody to tell.
            buffer.dropped["metrics.rejected"] += 1
            return None
        if metric is None:
            buffer.dropped["metrics.names"] += 1
        return metric
