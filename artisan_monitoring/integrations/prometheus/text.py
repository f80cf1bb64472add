"""The text formats: Prometheus' 0.0.4 ("Text-based format") and OpenMetrics 1.0.

Hot for thousands of series: what a family's lines share is made once, and the labels of a series once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf, isnan

from ...core.histogram import Exemplar
from .exemplars import exemplar_labels
from .families import TARGET_INFO, Family, classic_counts
from .help import TARGET_INFO as TARGET_HELP
from .names import Labels

_TYPES = {"counter": "counter", "gauge": "gauge", "distribution": "histogram"}


def plain(families: Iterable[Family], target: Labels) -> bytes:
    """Return the families as text 0.0.4: without units, creation times and exemplars, which it does not know."""
    lines = [f"# HELP {TARGET_INFO} {TARGET_HELP}", f"# TYPE {TARGET_INFO} gauge", f"{TARGET_INFO}{_braced(target)} 1"]
    for family in families:
        name = family.name + "_total" if family.kind == "counter" else family.name
        lines += (f"# HELP {name} {_escape_help(family.help)}", f"# TYPE {name} {_TYPES[family.kind]}")
        lines += _samples(family, openmetrics=False)
    return _encoded(lines)


def openmetrics(families: Iterable[Family], target: Labels) -> bytes:
    """Return the families as OpenMetrics 1.0, with units, creation times and exemplars."""
    lines = ["# HELP target " + TARGET_HELP, "# TYPE target info", f"{TARGET_INFO}{_braced(target)} 1"]
    for family in families:
        name = family.name
        lines += (f"# HELP {name} {_escape(family.help)}", f"# TYPE {name} {_TYPES[family.kind]}")
        if family.unit:
            lines.append(f"# UNIT {name} {family.unit}")
        lines += _samples(family, openmetrics=True)
    lines.append("# EOF")
    return _encoded(lines)


def _encoded(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _samples(family: Family, *, openmetrics: bool) -> Iterator[str]:
    if family.kind == "distribution":
        yield from _histograms(family, openmetrics)
    elif family.kind == "gauge":
        for point in family.points:
            yield f"{family.name}{_braced(point.labels)} {number(point.value)}"
    else:
        for point in family.points:
            labels = _braced(point.labels)
            yield f"{family.name}_total{labels} {number(point.value)}"
            if openmetrics:
                yield f"{family.name}_created{labels} {point.created_at:.3f}"


def _histograms(family: Family, openmetrics: bool) -> Iterator[str]:
    name = family.name
    ends = {bound: f'le="{bound!r}"}} ' for bound in family.bounds}
    for point in family.points:
        cell = point.cell
        if cell is None:
            continue
        inner = _inner(point.labels)
        begin = f"{name}_bucket{{{inner}," if inner else f"{name}_bucket{{"
        bounds, counts = classic_counts(cell, family.bounds)
        lines = [f"{begin}{ends[bound]}{seen}" for bound, seen in zip(bounds, accumulate(counts), strict=True)]
        lines.append(f'{begin}le="+Inf"}} {cell.count}')
        if openmetrics and cell.exemplars and bounds:
            for slot, exemplar in cell.exemplars.items():
                if 0 <= slot < len(lines):
                    lines[slot] += _exemplar(exemplar)
        yield from lines
        labels = f"{{{inner}}}" if inner else ""
        yield f"{name}_count{labels} {cell.count}"
        yield f"{name}_sum{labels} {number(cell.sum)}"
        if openmetrics:
            yield f"{name}_created{labels} {point.created_at:.3f}"


def _exemplar(exemplar: Exemplar) -> str:
    value, at, attributes = exemplar
    return f" # {{{_inner(exemplar_labels(attributes))}}} {number(value)} {at:.3f}"


def _braced(labels: Labels) -> str:
    return f"{{{_inner(labels)}}}" if labels else ""


def _inner(labels: Labels) -> str:
    return ",".join([f'{name}="{_escape(value)}"' for name, value in labels])


def _escape(value: str) -> str:
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def _escape_help(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def number(value: float) -> str:
    """Return a number as both formats spell it: the shortest text that reads back as the same."""
    if value == inf:
        return "+Inf"
    if value == -inf:
        return "-Inf"
    return "NaN" if isnan(value) else repr(value)
