"""A heat map of latency: time across, durations upwards on a logarithmic scale, the darker the more requests.

It is drawn from the merged histograms, so it shows what percentiles hide: two humps, a slow minority, a timeout's edge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, inf, log2

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..core.histogram import Cell
from . import deploys, figures
from .charts import AXIS, HEIGHT, Chart

COLUMNS = 120
"""At most: more are narrower than a finger, and slots are merged instead."""

TONES = 6
LOWEST, HIGHEST = -14, 12
"""Octaves: what took less than 61 us or more than 68 minutes is counted at the edge."""

INTERVALS = 4
"""Between the axis' labels, at most."""

TABLE_COLUMNS = 8
FINE, COARSE = (6, 4), (14, 2)
"""Up to so many octaves, each is cut in so many bands: a band is 4 to 9 pixels high."""

Bands = dict[int, int]
"""Requests by band. Band b of k an octave holds durations in (2**((b - 1) / k), 2**(b / k)] seconds."""


@dataclass(frozen=True)
class HeatMap:
    """Columns of `step_s` that begin at `times`, each the requests by band; bands `lowest` to `highest` are drawn."""

    times: Sequence[int]
    step_s: int
    columns: Sequence[Bands]
    cut: int
    lowest: int
    highest: int
    marks: Sequence[deploys.Mark] = ()
    title: str = "Latency heat map"
    waiting: str = "No data in this window."

    @property
    def empty(self) -> bool:
        """Whether there was no request."""
        return not self.peak

    @cached_property
    def peak(self) -> int:
        """The most requests of a column's band."""
        return max((count for column in self.columns for count in column.values()), default=0)

    @property
    def bands(self) -> int:
        """How many bands are drawn."""
        return self.highest - self.lowest + 1

    @property
    def axis(self) -> list[str]:
        """The labels of the axis, highest first: bounds of octaves, evenly apart."""
        octaves = self.bands // self.cut
        step = next(each for each in range(1, octaves + 1) if octaves % each == 0 and octaves / each <= INTERVALS)
        bottom = (self.lowest - 1) // self.cut
        return [_bound(bottom + up, 1) for up in range(octaves, -1, -step)]

    @property
    def tones(self) -> list[str]:
        """The classes of the legend's colours, from one request to the peak."""
        return [f"am-h{tone}" for tone in range(1, TONES + 1)]

    @property
    def most(self) -> str:
        """What the darkest colour stands for."""
        return figures.count(self.peak)

    @property
    def summary(self) -> str:
        """What a screen reader says for the picture."""
        total: Bands = {}
        for column in self.columns:
            _add(total, column)
        often = max(total, key=lambda band: (total[band], -band), default=None)
        if often is None:
            return f"{self.title}: no data"
        return (
            f"{self.title}: {figures.count(sum(total.values()))} requests, most often {self._span(often)}, "
            f"slowest {self._span(max(total))}{deploys.said(self.marks)}"
        )

    @property
    def head(self) -> list[str]:
        """The table's columns: neighbouring bands together, so that there are few."""
        return [f"to {_bound(last, self.cut)}" for _, last in self._groups()]

    @property
    def table(self) -> Iterator[tuple[int, str, list[str], str]]:
        """The map as a table: time, its text, requests by group of bands, releases that began."""
        began = deploys.by_slot(self.marks, self.step_s, self.times[0])
        groups = self._groups()
        for at, column in zip(self.times, self.columns, strict=True):
            if column or at in began:
                sums = [sum(column.get(band, 0) for band in range(first, last + 1)) for first, last in groups]
                yield at, figures.clock(at, self.step_s), [figures.count(each) for each in sums], began.get(at, "")

    def _groups(self) -> list[tuple[int, int]]:
        size = self.cut * ceil(self.bands / self.cut / TABLE_COLUMNS)
        return [(first, min(first + size - 1, self.highest)) for first in range(self.lowest, self.highest + 1, size)]

    def svg(self) -> SafeString:
        """Draw it: one path for each tone."""
        frame = Chart("", self.times, self.step_s, (), figures.number)
        return format_html(
            '<svg class="am-plot" role="img" aria-label="{}" width="100%" height="{}">{}'
            '<svg class="am-cells" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>'
            "{}{}</svg>",
            self.summary,
            HEIGHT + AXIS,
            frame.time_axis(),
            HEIGHT,
            len(self.columns),
            self.bands,
            format_html_join("", '<path class="am-h{}" d="{}"/>', self._paths()),
            self._slots(),
            deploys.draw(self.marks, self.times[0], len(self.times) * self.step_s, HEIGHT),
        )

    def _paths(self) -> Iterator[tuple[int, str]]:
        """Yield each tone's shapes. The scale of colours is logarithmic too: one slow request shall be seen."""
        # A request alone has the palest tone, the peak the darkest.
        grain = TONES / log2(self.peak) if self.peak > 1 else 0.0
        shapes: dict[int, list[str]] = {}
        for x, column in enumerate(self.columns):
            for band, count in column.items():
                tone = min(TONES, max(1, ceil(log2(count) * grain)))
                shapes.setdefault(tone, []).append(f"M{x} {self.highest - band}h1v1h-1z")
        for tone in sorted(shapes):
            yield tone, "".join(shapes[tone])

    def _slots(self) -> SafeString:
        """Lay a see-through column over each slot with requests: its title is the tooltip."""
        width = 100 / len(self.columns)
        return format_html_join(
            "",
            '<rect class="am-slot" x="{}%" y="0" width="{}%" height="{}" data-at="{}">'
            "<title>{} UTC · {}</title></rect>",
            (
                (
                    f"{at * width:.2f}",
                    f"{width:.2f}",
                    HEIGHT,
                    start,
                    figures.clock(start, self.step_s),
                    self._said(column),
                )
                for at, (start, column) in enumerate(zip(self.times, self.columns, strict=True))
                if column
            ),
        )

    def _said(self, column: Bands) -> str:
        often = max(column, key=lambda band: (column[band], -band))
        return (
            f"{figures.count(sum(column.values()))} requests · most often {self._span(often)} "
            f"({figures.count(column[often])}) · slowest {self._span(max(column))}"
        )

    def _span(self, band: int) -> str:
        if band == self.lowest:
            return f"up to {_bound(band, self.cut)}"
        return f"{_bound(band - 1, self.cut)} to {_bound(band, self.cut)}"


def heat_map(
    times: Sequence[int], step_s: int, cells: Mapping[int, Cell], marks: Sequence[deploys.Mark] = ()
) -> HeatMap:
    """Return the heat map of distributions by the start of their slot; the cells are left as they are."""
    fewer = ceil(len(times) / COLUMNS)
    low, high = _octaves(cells.values())
    octaves = high - low
    cut = next((cut for most, cut in (FINE, COARSE) if octaves <= most), 1)
    low, high = _rounded(low, high)
    lowest, highest = low * cut + 1, high * cut
    columns = [Bands() for _ in range(0, len(times), fewer)]
    for index, at in enumerate(times):
        cell = cells.get(at)
        if cell is not None and cell.count:
            _add(columns[index // fewer], _bands(cell, cut, lowest, highest))
    return HeatMap(times[::fewer], step_s * fewer, columns, cut, lowest, highest, marks)


def _octaves(cells: Collection[Cell]) -> tuple[int, int]:
    """Return the powers of two between which all durations lie."""
    low, high = inf, -inf
    for cell in cells:
        low, high = min(low, cell.min), max(high, cell.max)
    if high <= 0 or low == inf:
        return -8, 0
    bottom = max(LOWEST, floor(log2(low))) if low > 0 else LOWEST
    top = min(HIGHEST, ceil(log2(high)))
    return min(bottom, HIGHEST - 1), max(top, bottom + 1)


def _rounded(low: int, high: int) -> tuple[int, int]:
    """Widen the range upwards until its octaves part evenly between labels."""
    octaves = high - low
    step = ceil(octaves / INTERVALS)
    return low, low + ceil(octaves / step) * step


def _bands(cell: Cell, cut: int, lowest: int, highest: int) -> Bands:
    """Return a cell's requests by band: exact, since bands are made of whole bins."""
    found: Bands = {lowest: cell.zero} if cell.zero else {}
    width = 2.0**cell.schema / cut
    for index, count in (cell.bins or {}).items():
        band = min(max(ceil(index / width), lowest), highest)
        found[band] = found.get(band, 0) + count
    return found


def _add(into: Bands, other: Bands) -> None:
    for band, count in other.items():
        into[band] = into.get(band, 0) + count


def _bound(band: int, cut: int) -> str:
    """Return the upper bound of a band as a person reads it."""
    return figures.duration(2.0 ** (band / cut))
