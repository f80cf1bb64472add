"""What the store holds, as Prometheus' families of points: totals since their creation, and gauges as they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...conf import get_settings
from ...core.histogram import Cell, bounds_for
from ...core.series import Kind, Series
from ...metrics.queries import combine
from ...stores.base import GAUGE_SILENCE_FLUSHES, Store, Total
from .help import help_text
from .names import Labels, Metric, spell_all, spell_labels

TARGET_INFO = "target_info"
"""Who is scraped (OpenMetrics 1.0, "Supporting target metadata in both push-based and pull-based systems")."""


@dataclass(slots=True)
class Point:
    """One series of a family: `value` of a counter or gauge, `cell` of a distribution."""

    labels: Labels
    value: float = 0.0
    created_at: float = 0.0
    cell: Cell | None = None


@dataclass(slots=True)
class Family:
    """Points that share a name. `name` is without `_total`; `unit` is what it ends with, or nothing.

    `bounds` are the upper bounds of the classic buckets of a distribution.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    bounds: tuple[float, ...] = ()
    points: list[Point] = field(default_factory=list)


def collect(store: Store) -> list[Family]:
    """Return all families in the order of their names. Raise `StoreUnavailable` when the store is away."""
    points: dict[Metric, dict[Labels, Point]] = {}
    for total in store.totals():
        series = total.series
        if series.kind != "gauge":
            metric = Metric(series.name, series.kind, series.unit)
            _add(points.setdefault(metric, {}), total)
    for metric, labels, value in _gauges(store):
        points.setdefault(metric, {}).setdefault(labels, Point(labels, value))
    spelled = spell_all(points)
    found = [
        Family(
            spelled[metric].name,
            metric.kind,
            spelled[metric].unit,
            help_text(metric.name, metric.unit),
            bounds_for(metric.unit) if metric.kind == "distribution" else (),
            list(by_labels.values()),
        )
        for metric, by_labels in points.items()
    ]
    return sorted(found, key=lambda family: family.name)


def _add(known: dict[Labels, Point], total: Total) -> None:
    """Take a total in. Series whose labels are spelled alike are one series to Prometheus: they are added up."""
    labels = spell_labels(total.series.tags)
    cell = total.cell
    point = known.get(labels)
    if point is None:
        with_bins = cell if total.series.kind == "distribution" else None
        known[labels] = Point(labels, cell.sum, total.created_at, with_bins)
        return
    point.value += cell.sum
    point.created_at = min(point.created_at, total.created_at)
    if point.cell is not None:
        point.cell.merge(cell)


def _gauges(store: Store) -> Iterator[tuple[Metric, Labels, float]]:
    series = [each for each in store.series() if each.kind == "gauge"]
    readings = store.gauges([each.id for each in series])
    fresh_s = GAUGE_SILENCE_FLUSHES * (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s)
    values: list[tuple[Series, float | None]] = [
        (each, combine(each, readings.get(each.id, ()), fresh_s)) for each in series
    ]
    for each, value in sorted(values, key=lambda found: found[0].tags):
        if value is not None:
            yield Metric(each.name, each.kind, each.unit), spell_labels(each.tags), value


def target_info() -> Labels:
    """Return what is known of the service that is scraped, in OpenTelemetry's resource attributes."""
    chosen = get_settings()
    known = (
        ("deployment.environment.name", chosen.ENVIRONMENT),
        ("service.name", chosen.SERVICE),
        ("service.version", chosen.RELEASE),
    )
    return spell_labels(known)


def classic_counts(cell: Cell, bounds: Iterable[float]) -> tuple[tuple[float, ...], list[int]]:
    """Return the finite bounds and the counts between them, without the last bucket; none if the cell kept none."""
    bounds = tuple(bounds)
    if cell.classic is None or len(cell.classic) != len(bounds) + 1:
        return (), []
    return bounds, cell.classic[:-1]
