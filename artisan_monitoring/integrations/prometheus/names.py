"""How metrics and tags are spelled in Prometheus: legal names, units at the end, and one name for one thing.

Follows OpenTelemetry's "Prometheus and OpenMetrics Compatibility" (metric name, unit and label translation), except
that the unit `1` becomes `ratio` only for what is named a utilization: here it is also the unit of plain gauges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from ...core.series import Kind, Tags

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of a legal label name and a value that is not empty, sorted by name."""

UNITS = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
    "min": "minutes", "h": "hours", "d": "days",
    "By": "bytes", "B": "bytes", "byte": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "%": "percent",
}  # fmt: skip
_WITHOUT = {"", "1", "count"}

SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "counter": ("_total", "_created"),
    "gauge": (),
    "distribution": ("_bucket", "_count", "_sum", "_created"),
}
"""What is appended to a family's name in its samples (OpenMetrics 1.0, "Metric types")."""

_SAMPLE_SUFFIX = re.compile(r"_(total|created|count|sum|bucket|gcount|gsum|info)$")
"""What a name may not end with unless it is such a sample (OpenMetrics 1.0, "Suffixes"; promtool says so too)."""

_RESERVED_LABELS = {"le", "quantile"}
"""Prometheus gives these a meaning of their own in histograms and summaries."""


class Metric(NamedTuple):
    """What makes a family: series that share all of it."""

    name: str
    kind: Kind
    unit: str


class Spelling(NamedTuple):
    """A family's name without the suffix of its samples, and the unit it ends with, or nothing."""

    name: str
    unit: str


def spell_all(metrics: Iterable[Metric]) -> dict[Metric, Spelling]:
    """Return a spelling for each metric, so that no two families share the name of a sample.

    The first in the order of the original names keeps the plain spelling (a dot sorts before an underscore, so the
    conventions' names win); a later one gets a hash of what it is, the same in every process.
    """
    taken: set[str] = set()
    spelled: dict[Metric, Spelling] = {}
    for metric in sorted(set(metrics)):
        spelling = _spell(metric)
        samples = _samples(spelling.name, metric.kind)
        if taken & samples:
            spelling = _distinct(metric, spelling)
            samples = _samples(spelling.name, metric.kind)
        taken |= samples
        spelled[metric] = spelling
    return spelled


def _samples(name: str, kind: Kind) -> set[str]:
    return {name, *(name + suffix for suffix in SUFFIXES[kind])}


@lru_cache(maxsize=2048)
def _spell(metric: Metric) -> Spelling:
    name = re.sub(r"[^A-Za-z0-9]+", "_", metric.name).strip("_") or "metric"
    if name[0].isdigit():
        name = f"_{name}"
    if metric.kind == "counter":
        name = name.removesuffix("_total") or name
    unit = _unit(metric)
    if unit and not name.endswith(f"_{unit}") and name != unit:
        name = f"{name}_{unit}"
    if _SAMPLE_SUFFIX.search(name):
        name = f"{name}_value"
    spelling = Spelling(name, unit if name.endswith(f"_{unit}") else "")
    # What of other alphabets is left would be the same underscore for all of them.
    return spelling if metric.name.isascii() else _distinct(metric, spelling)


def _unit(metric: Metric) -> str:
    unit = metric.unit
    if unit == "1" and metric.kind == "gauge" and re.search(r"(utilization|ratio)$", metric.name):
        return "ratio"
    unit = re.sub(r"\{[^}]*\}", "", unit)  # an annotation: what is counted, not what it is measured in
    if unit in _WITHOUT:
        return ""
    measured, per, time = unit.partition("/")
    word = UNITS.get(measured) or re.sub(r"[^A-Za-z0-9]+", "_", measured).strip("_").lower()
    if per:
        one = UNITS.get(time, "").removesuffix("s") or re.sub(r"[^A-Za-z0-9]+", "_", time).strip("_").lower()
        return "_per_".join(filter(None, (word, one))) if one else word
    return word


def _distinct(metric: Metric, spelling: Spelling) -> Spelling:
    mark = blake2b("\0".join(metric).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    if spelling.unit:
        return Spelling(f"{spelling.name.removesuffix('_' + spelling.unit)}_{mark}_{spelling.unit}", spelling.unit)
    return Spelling(f"{spelling.name}_{mark}", "")


@lru_cache(maxsize=20_000)
def spell_labels(tags: Tags) -> Labels:
    """Return tags as labels. An empty value is left out: to Prometheus it is the same as none.

    Two keys that become one name are numbered in the order of the keys.
    """
    found: dict[str, str] = {}
    for key, value in tags:
        if not value:
            continue
        name = label_name(key)
        number = 2
        plain = name
        while name in found:
            name, number = f"{plain}_{number}", number + 1
        found[name] = value
    return tuple(sorted(found.items()))


@lru_cache(maxsize=4096)
def label_name(key: str) -> str:
    """Return a tag's key as a legal label name that Prometheus has no use of its own for."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)
    if not name or name[0].isdigit():
        name = f"key_{name}"
    if name.startswith("__"):  # Prometheus' own
        name = "key" + name
    return f"{name}_" if name in _RESERVED_LABELS else name
