"""Line charts as inline SVG: shapes, classes and percentages only, so that they fit any width and any strict policy.

The outer SVG has no view box: its texts keep their size however wide the page is. The lines lie in an inner one that
is stretched; their strokes are not scaled (see overview.css).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..core.windows import DAY, MINUTE
from . import deploys, figures

HEIGHT = 150
"""Pixels of the plot; the time axis takes AXIS more below."""
AXIS = 20
TIME_LABELS = 6
_UNIT_X, _UNIT_Y = 10, 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One value per slot, nothing where there is no data. `tone` is the colour's class; `filled` shades below it."""

    label: str
    tone: str
    values: Sequence[float | None]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same slots, which begin at `times` (seconds since the epoch) and are `step_s` wide.

    `show` makes a value readable: on the axis, in tooltips and in the table. `least` is the lowest top of the axis,
    `waiting` what stands in place of a chart without values, `marks` the deploys in its time.
    """

    title: str
    times: Sequence[int]
    step_s: int
    lines: Sequence[Line]
    show: Callable[[float], str]
    least: float = 1.0
    waiting: str = "No data in this window."
    marks: Sequence[deploys.Mark] = ()

    @property
    def empty(self) -> bool:
        """Whether no line has a value."""
        return all(value is None for line in self.lines for value in line.values)

    @property
    def ticks(self) -> list[float]:
        """The values at which the axis has lines: from zero up, or from below the lowest where that is negative."""
        values = [value for line in self.lines for value in line.values if value is not None]
        peak, low = max(values, default=0.0), min(values, default=0.0)
        if low >= 0:
            return ticks(max(peak, self.least))
        step = ticks(max(peak - low, self.least))[1]
        first = floor(low / step)
        count = max(0, ceil(peak / step)) - first
        return [round((first + each) * step, 12) for each in range(count + 1)]

    @property
    def axis(self) -> list[str]:
        """The axis' labels, highest first."""
        return [self.show(tick) for tick in reversed(self.ticks)]

    @property
    def rows(self) -> Iterator[tuple[int, str, list[str]]]:
        """The chart as a table: time, its text, one text per line; slots without any data are left out."""
        for index, at in enumerate(self.times):
            values = [line.values[index] for line in self.lines]
            if any(value is not None for value in values):
                shown = [figures.NOTHING if value is None else self.show(value) for value in values]
                yield at, figures.clock(at, self.step_s), shown

    @property
    def head(self) -> list[str]:
        """The table's columns."""
        return [line.label for line in self.lines]

    @property
    def table(self) -> Iterator[tuple[int, str, list[str], str]]:
        """The rows with the releases that began in each; a slot without data has one where there was a deploy."""
        began = deploys.by_slot(self.marks, self.step_s, self.times[0])
        rows = {at: (text, values) for at, text, values in self.rows}
        nothing = [figures.NOTHING] * len(self.lines)
        for at in sorted({*rows, *began}):
            text, values = rows.get(at) or (figures.clock(at, self.step_s), nothing)
            yield at, text, values, began.get(at, "")

    @property
    def summary(self) -> str:
        """What a screen reader says for the picture."""
        last = [(line.label, next((value for value in reversed(line.values) if value is not None), None))
                for line in self.lines]  # fmt: skip
        said = ", ".join(f"{label} {self.show(value)}" for label, value in last if value is not None)
        return f"{self.title}: {'no data' if not said else 'last ' + said}{deploys.said(self.marks)}"

    def svg(self) -> SafeString:
        """Draw it. Every text is escaped."""
        low, top = self.ticks[0], self.ticks[-1]
        return format_html(
            '<svg class="am-plot" role="img" aria-label="{}" width="100%" height="{}">{}{}'
            '<svg class="am-lines" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}{}{}</svg>'
            "{}{}</svg>",
            self.summary,
            HEIGHT + AXIS,
            self._grid(low, top),
            self.time_axis(),
            HEIGHT,
            len(self.times) * _UNIT_X,
            _UNIT_Y,
            format_html_join("", '<path class="am-area {}" d="{}"/>', self._areas(low, top)),
            format_html_join("", '<path class="am-line-of {}" d="{}"/>', self._paths(low, top)),
            format_html_join("", '<path class="am-point {}" d="{}"/>', self._lone_points(low, top)),
            self._slots(),
            deploys.draw(self.marks, self.times[0], len(self.times) * self.step_s, HEIGHT),
        )

    def _grid(self, low: float, top: float) -> SafeString:
        heights = (round(HEIGHT * ((top - tick) / (top - low))) for tick in self.ticks)
        rows = (HEIGHT - 0.5 if height == HEIGHT else height + 0.5 for height in heights)
        return format_html_join("", '<line class="am-grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>', ((y,) for y in rows))

    def time_axis(self) -> SafeString:
        """Label round times, each at the beginning of its slot."""
        every = label_step(self.times, self.step_s)
        first, width = self.times[0], len(self.times) * self.step_s
        days = every % DAY == 0
        marks = (
            (f"{(at - first) / width * 100:.2f}", at, "d" if days else "t", _label(at, days))
            for at in self.times
            if at % every == 0 and 0.03 < (at - first) / width < 0.97
        )
        return format_html_join(
            "",
            '<line class="am-tick" x1="{0}%" x2="{0}%" y1="{4}" y2="{5}"/>'
            '<text class="am-time" x="{0}%" y="{6}" data-at="{1}" data-as="{2}">{3}</text>',
            ((*mark, HEIGHT, HEIGHT + 4, HEIGHT + AXIS - 4) for mark in marks),
        )

    def _points(self, line: Line, low: float, top: float) -> Iterator[list[tuple[int, int]]]:
        """Yield each unbroken run of a line's points, in units of the inner drawing."""
        places = enumerate(line.values)
        for there, run in groupby(places, key=lambda place: place[1] is not None):
            if there:
                yield [
                    (index * _UNIT_X + _UNIT_X // 2, round(_UNIT_Y * ((top - (value or 0)) / (top - low))))
                    for index, value in run
                ]

    def _paths(self, low: float, top: float) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            yield line.tone, "".join(f"M{_joined(run)}" for run in self._points(line, low, top) if len(run) > 1)

    def _lone_points(self, low: float, top: float) -> Iterator[tuple[str, str]]:
        """Yield the points without a neighbour: lines of no length, which a round cap makes dots at any stretch."""
        for line in self.lines:
            yield line.tone, "".join(f"M{_joined(run)}h0" for run in self._points(line, low, top) if len(run) == 1)

    def _areas(self, low: float, top: float) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            if line.filled:
                runs = [(run[0][0], _joined(run)) for run in self._points(line, low, top) if len(run) > 1]
                yield line.tone, "".join(f"M{first} {_UNIT_Y}L{joined}V{_UNIT_Y}Z" for first, joined in runs)

    def _slots(self) -> SafeString:
        """Lay a see-through column over each slot that has data: its title is the tooltip."""
        width = 100 / len(self.times)
        first = self.times[0]
        return format_html_join(
            "",
            '<rect class="am-slot" x="{}%" y="0" width="{}%" height="{}" data-at="{}">'
            "<title>{} UTC · {}</title></rect>",
            (
                (
                    f"{(at - first) / self.step_s * width:.2f}",
                    f"{width:.2f}",
                    HEIGHT,
                    at,
                    shown_at,
                    " · ".join(f"{line.label} {value}" for line, value in zip(self.lines, values, strict=True)),
                )
                for at, shown_at, values in self.rows
            ),
        )


def ticks(peak: float, intervals: int = 4) -> list[float]:
    """Return round values from zero to at least `peak`: at most `intervals` steps of 1, 2 or 5 times a power of 10."""
    if not 0 < peak < float("inf"):
        peak = 1.0
    rough = peak / intervals
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    values = [0.0]
    while values[-1] < peak * (1 - 1e-9):
        values.append(round(len(values) * step, 12))
    return values


def _joined(run: Sequence[tuple[int, int]]) -> str:
    return "L".join(f"{x} {y}" for x, y in run)


def label_step(times: Sequence[int], step_s: int) -> int:
    """Return the round number of seconds between two labels of the time axis that makes about six of them."""
    width = len(times) * step_s
    for minutes in (1, 2, 5, 10, 30, 60, 120, 180, 360, 720):
        nice = minutes * MINUTE
        if nice >= step_s and width / nice <= TIME_LABELS:
            return nice
    # "Nov 23" is wider than "10:30", and a week has one for each day.
    labels = TIME_LABELS + 1 if width <= 8 * DAY else TIME_LABELS - 1
    return -(-width // (DAY * labels)) * DAY


def _label(at: int, days: bool) -> str:
    return figures.clock(at, DAY)[:6] if days else figures.clock(at)
