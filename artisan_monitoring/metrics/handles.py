"""Prepared metrics for the hot path: the metric is looked up once, a series by one dictionary look-up."""

from __future__ import annotations

from typing import TypeAlias

from ..core.registry import LiveSeries, Metric
from ..core.series import Combine, Kind, Tags, clean_tags
from ..pipeline.buffer import buffer

LARGEST = 1e300
"""Beyond it sums would leave the range of a double."""

CACHED = 4096
"""Tag combinations a handle remembers; beyond it the cache is emptied, since it is only a short cut."""

RawTags: TypeAlias = tuple[tuple[str, str], ...]


class Handle:
    """One metric of this process. Values are checked only as far as it is free: callers are ours.

    Tags are a tuple of (key, value) pairs of strings; the same pairs in the same order hit the cache.
    """

    __slots__ = ("_cache", "_generation", "combine", "kind", "name", "unit")

    def __init__(self, name: str, unit: str, kind: Kind, combine: Combine = "max") -> None:
        self.name = name
        self.unit = unit
        self.kind = kind
        self.combine = combine
        self._cache: dict[RawTags, LiveSeries] = {}
        self._generation = -1

    def add(self, value: float = 1, tags: RawTags = ()) -> None:
        """Add to a counter."""
        live = self._cache.get(tags)
        if live is None or self._generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.add(live, value)

    def observe(self, value: float, tags: RawTags = (), exemplar: dict[str, str] | None = None) -> None:
        """Record a value of a distribution."""
        live = self._cache.get(tags)
        if live is None or self._generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.observe(live, value, exemplar)

    def set(self, value: float, tags: RawTags = ()) -> None:
        """Set a gauge."""
        live = self._cache.get(tags)
        if live is None or self._generation != buffer.generation:
            live = self.live(tags)
        if live is not None:
            buffer.set(live, value)

    def live(self, tags: RawTags) -> LiveSeries | None:
        """Return the series of these tags; nothing (and one drop counted) where the metric cannot be had."""
        if self._generation != buffer.generation or len(self._cache) >= CACHED:
            self._cache.clear()
            self._generation = buffer.generation
        metric = self._metric()
        if metric is None:
            return None
        cleaned: Tags = clean_tags(tags)
        live = buffer.resolve(metric, cleaned)
        # What went to the overflow series asks again each time, so that each observation of it is counted. So do tags
        # that are not strings: 1, 1.0 and True are one key of a dictionary, and three different tags.
        if live.series.tags == cleaned and all(type(part) is str for pair in tags for part in pair):
            self._cache[tags] = live
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
