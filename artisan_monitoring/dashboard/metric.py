"""One metric: its values over a window as charts, grouped and filtered by its tags."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ..core.histogram import Cell
from ..core.series import OVERFLOW, Series
from ..metrics.rollup import GROUPED_BY
from ..stores import get_store
from . import deploys, figures
from .charts import Chart, Line
from .history import Group, History, history
from .sections import Reader
from .traffic import settle_s
from .windows import SPANS, Span

GROUPS = 10
"""Lines of a chart; the rest is one more."""
DRAWN_BELOW = 1e300
"""Higher ones overflow where the axis is computed."""
OTHER: Group = ("\x00other",)
"""No tag's value: they hold no NUL."""


class UnknownMetric(LookupError):
    """Nothing of that name, kind, unit or tag is recorded. The argument is a sentence for the reader."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for: empty texts for what it leaves open, `where` as "tag=value"."""

    name: str
    kind: str = ""
    unit: str = ""
    by: str = ""
    where: tuple[str, ...] = ()

    def query(self, **changes: object) -> str:
        """Return the address' query with some of it changed."""
        values = {"name": self.name, "kind": self.kind, "unit": self.unit, "by": self.by, "where": self.where}
        return urlencode({key: each for key, each in {**values, **changes}.items() if each}, doseq=True)


def page(asked: Asked, span: Span) -> dict[str, object]:
    """Return the template's context. Raise `UnknownMetric`; while the store is away a sentence stands in its place."""
    if "\x00" in asked.name:
        raise UnknownMetric("No metric’s name holds a NUL character.")  # and PostgreSQL takes no text with one
    reader = Reader()
    known = reader.store("metric", lambda: get_store().series(asked.name))
    frame = {
        "name": asked.name, "span": span, "spans": list(SPANS.values()), "keep": asked.query(),
        "as_of_iso": figures.iso(time.time()), "as_of_text": figures.clock(time.time()),
    }  # fmt: skip
    if known.value is None:
        return {**frame, "problem": known.problem}
    series = _of_one_metric(known.value, asked)
    tags = sorted({key for each in series if each.tags != OVERFLOW for key, _ in each.tags})
    where = [_parsed(each, tags) for each in asked.where]
    if asked.by and asked.by not in tags:
        raise UnknownMetric(f"“{asked.name}” has no tag “{asked.by}”.")
    chosen = [each for each in series if all(pair in each.tags for pair in where)]
    if not chosen:
        raise UnknownMetric(f"No series of “{asked.name}” has all of these tags: {', '.join(asked.where)}.")
    found = reader.store("metric", lambda: _read(chosen, span, asked.by, whole=len(chosen) == len(series)))
    one = chosen[0]
    return {
        **frame,
        "keep": asked.query(kind=one.kind, unit=one.unit),
        "problem": found.problem,
        "kind": one.kind,
        "unit": one.unit,
        "series": len(chosen),
        "by": asked.by,
        "ways": _ways(asked, tags, [key for key, _ in where]),
        "filters": [(each, f"{asked.query(where=[*_without(asked.where, each)])}") for each in asked.where],
        "hours_left_out": found.value.hours_left_out if found.value else 0,
        "charts": marked(reader, charts(one, found.value, asked.by)) if found.value else [],
        "groups": rows(one, found.value, asked) if found.value else [],
    }


def marked(reader: Reader, made: Sequence[Chart]) -> list[Chart]:
    """Return charts with the deploys of their time."""
    marks = deploys.read(reader, made[0].times, made[0].step_s) if made else []
    return [replace(each, marks=marks) for each in made]


def _of_one_metric(series: Iterable[Series], asked: Asked) -> list[Series]:
    """Return the series of one kind and unit: those asked for, else the first there is."""
    fitting = [each for each in series if asked.kind in ("", each.kind) and asked.unit in ("", each.unit)]
    if not fitting:
        raise UnknownMetric(f"No metric “{asked.name}” is known.")
    kind, unit = min((each.kind, each.unit) for each in fitting)
    return sorted((each for each in fitting if (each.kind, each.unit) == (kind, unit)), key=lambda each: each.tags)


def _parsed(text: str, tags: Iterable[str]) -> tuple[str, str]:
    """Return a filter's tag and value; a tag's name may hold "=", so the known ones decide where it ends."""
    for tag in sorted(tags, key=len, reverse=True):
        if text.startswith(f"{tag}="):
            return tag, text[len(tag) + 1 :]
    raise UnknownMetric(f"“{text}” names no tag of this metric. A filter is written tag=value.")


def _without(where: Sequence[str], one: str) -> list[str]:
    return [each for each in where if each != one]


def _ways(asked: Asked, tags: Sequence[str], fixed: Sequence[str]) -> list[dict[str, object]]:
    """Return the ways to group it: not at all, and by each tag that no filter fixes."""
    free = [tag for tag in tags if tag not in fixed or tag == asked.by]
    return [{"label": each or "nothing", "query": asked.query(by=each), "on": each == asked.by} for each in ("", *free)]


def _read(series: Sequence[Series], span: Span, by: str, *, whole: bool) -> History:
    # A total by tag lacks the series without that tag, so it serves only where there are none.
    merged = whole and (not by or (by in GROUPED_BY and all(by in dict(each.tags) for each in series)))
    return history(
        series,
        span,
        lambda each: (dict(each.tags).get(by, ""),) if by else (),
        merged_by=by if merged else None,
        biggest=GROUPS if by else 0,
        other=OTHER,
    )


def charts(one: Series, found: History, by: str) -> list[Chart]:
    """Return a metric's charts: how often, and for gauges and distributions what."""
    made = [] if one.kind == "gauge" else [_rate_chart(one, found)]
    if one.kind == "counter":
        return made

    def show(value: float) -> str:
        return figures.by_unit(value, one.unit)

    def chart(title: str, lines: list[Line]) -> Chart:
        return Chart(title, found.times, found.span.step_s, lines, show, least=1e-9)

    if by:
        title, of = ("p95", _quantile(0.95)) if one.kind == "distribution" else ("Mean", _mean)
        return [*made, chart(title, [_line(found, group, at, of) for at, group in enumerate(ordered(found))])]
    cells = found.slots()
    measures: Sequence[tuple[str, str, Callable[[Cell], float | None]]] = (
        (("p99", "am-t3", _quantile(0.99)), ("p95", "am-t2", _quantile(0.95)), ("p50", "am-t1", _quantile(0.5)))
        if one.kind == "distribution"
        else (("highest", "am-t3", _highest), ("mean", "am-t1", _mean), ("lowest", "am-t2", _lowest))
    )
    lines = [Line(label, tone, [finite(of, cells.get(at)) for at in found.times]) for label, tone, of in measures]
    return [*made, chart("Percentiles" if one.kind == "distribution" else "Value", lines)]


def _rate_chart(one: Series, found: History) -> Chart:
    """Return the chart of a counter's sum, or of a distribution's observations, each per second or minute."""
    settle = settle_s(get_store())

    def rate(start: int, cell: Cell | None) -> float | None:
        # The running slot, and the one whose last batches are on their way, would show a fall that is none.
        if cell is None or start + found.span.step_s + settle > found.as_of:
            return None
        counted = cell.sum if one.kind == "counter" else cell.count
        return counted / found.span.step_s if counted < DRAWN_BELOW else None

    values = {group: [rate(at, found.groups[group].get(at)) for at in found.times] for group in ordered(found)}
    slow = max((each for line in values.values() for each in line if each is not None), default=0.0) < 1
    scale, unit = (60, "/min") if slow else (1, "/s")
    lines = [
        Line(label(group), tone(at, group), [None if each is None else each * scale for each in line],
             filled=len(values) == 1)
        for at, (group, line) in enumerate(values.items())
    ]  # fmt: skip
    title = "Rate" if one.kind == "counter" else "Observations"
    return Chart(title, found.times, found.span.step_s, lines, lambda value: f"{figures.number(value)} {unit}",
                 least=1e-9, waiting="The first full slot is still running.")  # fmt: skip


def ordered(found: History) -> list[Group]:
    """Return the groups, that with the most observations first and the rest of them last."""
    counts = {group: sum(cell.count for cell in slots.values()) for group, slots in found.groups.items()}
    return sorted(counts, key=lambda group: (group == OTHER, -counts[group], group))


def _line(found: History, group: Group, at: int, of: Callable[[Cell], float | None]) -> Line:
    slots = found.groups[group]
    return Line(label(group), tone(at, group), [finite(of, slots.get(start)) for start in found.times])


def label(group: Group) -> str:
    """Return what a group is called."""
    if group == OTHER:
        return "all others"
    return "all" if not group else group[0] or "without this tag"


def tone(at: int, group: Group) -> str:
    """Return the class of the colour of the n-th group."""
    return "am-t0" if group == OTHER else f"am-t{at % GROUPS + 1}"


def finite(of: Callable[[Cell], float | None], cell: Cell | None) -> float | None:
    """Return a measure of a cell that can be drawn, or nothing."""
    value = of(cell) if cell is not None and cell.count else None
    return value if value is not None and abs(value) < DRAWN_BELOW else None


def _quantile(q: float) -> Callable[[Cell], float | None]:
    return lambda cell: cell.quantile(q)


def _mean(cell: Cell) -> float | None:
    return cell.avg


def _highest(cell: Cell) -> float | None:
    return cell.max


def _lowest(cell: Cell) -> float | None:
    return cell.min


def rows(one: Series, found: History, asked: Asked) -> list[dict[str, object]]:
    """Return each group's figures over the window, and the address that filters by it."""

    def shown(value: float | None) -> str:
        return figures.by_unit(value, one.unit)

    made: list[dict[str, object]] = []
    for at, group in enumerate(ordered(found)):
        cell = found.total(group)
        values = [figures.number(cell.sum) if one.kind == "counter" else figures.count(cell.count)]
        if one.kind != "counter":
            values += [shown(finite(_mean, cell)), shown(finite(_quantile(0.95), cell)), shown(finite(_highest, cell))]
        to = asked.query(by="", where=[*asked.where, f"{asked.by}={group[0]}"]) if group and group[0] else ""
        made.append(
            {"label": label(group), "tone": tone(at, group), "values": values, "query": "" if group == OTHER else to}
        )
    return made
