"""Cells: what is known of one series in one slot of time, and how two of them merge.

A distribution carries a base-2 exponential histogram: index i holds the values in (base**(i-1), base**i] with
base = 2**(2**-schema). That is the mapping of Prometheus native histograms (Prometheus documentation, "Native
Histograms") and, one index lower, of OTLP exponential histograms (OpenTelemetry metrics data model,
"ExponentialHistogram"), and a DDSketch mapping (Masson, Rim, Lee, VLDB 2019). Merging is adding, so percentiles merge
exactly over processes, hosts and time.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, inf, ldexp, log2
from operator import add
from typing import ClassVar, TypeAlias

SCHEMA = 5
"""32 bins a power of two: a quantile's relative error is at most 1.09 %."""

COARSE_SCHEMA = 4
"""For ten-minute slots and roll-ups: at most 2.17 %."""

MAX_BINS = 160
ZERO_BELOW = 1e-9

SECONDS_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""OpenTelemetry semantic conventions, "HTTP metrics": the 14 boundaries for durations in seconds."""

OTHER_BOUNDS = (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0)
"""OpenTelemetry metrics SDK, "Explicit Bucket Histogram Aggregation": the default boundaries."""

_shared: dict[int, int] = {}
"""One object for each index in use, whatever cells have it: 32 bytes a bin. 33,000 indices exist at most."""

Exemplar: TypeAlias = tuple[float, float, dict[str, str]]
"""A value, its time in seconds since the epoch, and what leads to it (trace id, metadata)."""


def bounds_for(unit: str) -> tuple[float, ...]:
    """Return the classic bucket boundaries that are kept exactly for a unit."""
    return SECONDS_BOUNDS if unit == "s" else OTHER_BOUNDS


class Cell:
    """Count, sum, min and max; with bins for a distribution, with `last` and `last_at` for a gauge.

    A counter's cell uses `sum` for the value and `count` for the number of increments.
    """

    __slots__ = ("bins", "classic", "count", "exemplars", "last", "last_at", "max", "min", "schema", "sum", "zero")

    most_bins: ClassVar[int] = MAX_BINS
    """How many bins it has after a merge before it is coarsened."""

    def __init__(self) -> None:
        self.count = 0
        self.sum: float = 0
        self.min: float = inf
        self.max: float = -inf
        self.zero = 0
        self.schema = SCHEMA
        self.bins: dict[int, int] | None = None
        self.classic: list[int] | None = None
        self.exemplars: dict[int, Exemplar] | None = None
        self.last: float = 0
        self.last_at: float = 0

    def add(self, value: float) -> None:
        """Count an increment of a counter."""
        self.count += 1
        self.sum += value

    def set(self, value: float, at: float) -> None:
        """Record a gauge's value at a time; an older time never wins as the last value."""
        self.count += 1
        self.sum += value
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        if at >= self.last_at:
            self.last = value
            self.last_at = at

    def observe(self, value: float, bounds: tuple[float, ...]) -> int:
        """Record a value >= 0 of a distribution; return the index of its classic bucket."""
        bins = self.bins
        if bins is None:
            bins = self.bins = {}
            self.classic = [0] * (len(bounds) + 1)
        self.count += 1
        self.sum += value
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        slot = bisect_left(bounds, value)
        self.classic[slot] += 1  # type: ignore[index]  # made together with the bins
        if value < ZERO_BELOW:
            self.zero += 1
            return slot
        # Not a shift: values from 1e-9 to 1e300 need a schema below 0.
        index = ceil(ldexp(log2(value), self.schema))
        try:
            bins[index] += 1
        except KeyError:
            bins[_shared.setdefault(index, index)] = 1
            if len(bins) > MAX_BINS:
                self.coarsen(self.schema - 1)
        return slot

    def coarsen(self, schema: int) -> None:
        """Merge neighbouring bins until the histogram has the given schema; never refines."""
        bins = self.bins
        while bins is not None and self.schema > schema:
            merged: dict[int, int] = {}
            for index, count in bins.items():
                half = (index + 1) // 2
                merged[half] = merged.get(half, 0) + count
            bins = merged
            self.schema -= 1
        self.bins = bins

    def merge(self, other: Cell) -> None:
        """Add another cell of the same series, which is left as it is except that it may be coarsened."""
        self.count += other.count
        self.sum += other.sum
        if other.min < self.min:
            self.min = other.min
        if other.max > self.max:
            self.max = other.max
        if other.last_at >= self.last_at:
            self.last, self.last_at = other.last, other.last_at
        if other.bins is not None:
            self._merge_bins(other)
        if other.exemplars:
            self._merge_exemplars(other.exemplars)

    def _merge_bins(self, other: Cell) -> None:
        self.zero += other.zero
        if self.bins is None:
            self.bins, self.schema = dict(other.bins or ()), other.schema
            self.classic = list(other.classic) if other.classic is not None else None
            return
        if self.schema != other.schema:
            schema = min(self.schema, other.schema)
            self.coarsen(schema)
            other.coarsen(schema)
        # The drain's inner loop: with a bound method and map() 20 bins take 5 us instead of 8.
        bins = self.bins
        get = bins.get
        for index, count in (other.bins or {}).items():
            bins[index] = get(index, 0) + count
        while len(self.bins) > self.most_bins:
            self.coarsen(self.schema - 1)
        if self.classic is not None and other.classic is not None and len(self.classic) == len(other.classic):
            self.classic = list(map(add, self.classic, other.classic))

    def _merge_exemplars(self, exemplars: dict[int, Exemplar]) -> None:
        mine = self.exemplars = self.exemplars or {}
        for slot, exemplar in exemplars.items():
            if slot not in mine or exemplar[0] >= mine[slot][0]:
                mine[slot] = exemplar

    def copy(self) -> Cell:
        """Return an independent copy."""
        twin = Cell()
        twin.merge(self)
        return twin

    @property
    def avg(self) -> float | None:
        """The mean, or nothing where nothing was counted."""
        return self.sum / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """Return the q-quantile (0 <= q <= 1) by the inverted distribution function, or nothing for an empty cell.

        The estimate inside a bin is 2 * base**i / (base + 1), which halves the bin's relative width (DDSketch,
        section 2.1); it never leaves [min, max].
        """
        if not self.count or self.bins is None:
            return None
        rank = max(1, ceil(q * self.count - 1e-9))
        seen = self.zero
        if rank <= seen:
            return max(0.0, self.min) if self.min != inf else 0.0
        base: float = 2.0 ** (2.0**-self.schema)
        for index in sorted(self.bins):
            seen += self.bins[index]
            if rank <= seen:
                estimate: float = 2.0 * base**index / (base + 1.0)
                return min(max(estimate, self.min), self.max)
        return self.max


class WideCell(Cell):
    """A cell that many series or slots are merged into: with room for the bins of all of them, it is as fine as they.

    From 1 ms to 10 s there are 425 bins. One series seldom has that many in a minute, a site has.
    """

    __slots__ = ()

    most_bins = 16 * MAX_BINS

    @classmethod
    def of(cls, cell: Cell) -> WideCell:
        """Return a cell as a wide one, which takes its content over."""
        if isinstance(cell, cls):
            return cell
        wide = cls()
        for name in Cell.__slots__:
            setattr(wide, name, getattr(cell, name))
        return wide
