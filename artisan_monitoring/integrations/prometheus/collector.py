"""The store's metrics in a prometheus_client registry, for a project that serves one of its own already.

    from prometheus_client import REGISTRY
    REGISTRY.register(MonitoringCollector())

Needs the extra `prometheus`. One process reading the store sees all of them, so no multiprocess directory is involved.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from ...core.histogram import Cell
from ...stores import get_store
from .exemplars import exemplar_labels
from .families import Family, Point, classic_counts, collect

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_TYPES = {"counter": "counter", "gauge": "gauge", "distribution": "histogram"}


class MonitoringCollector:
    """A collector for `prometheus_client.CollectorRegistry.register`; it reads the store at each collection."""

    def describe(self) -> list[Metric]:
        """Return nothing: what there is changes, and the names are not known before the store is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every family. Raise `StoreError` or `DatabaseError` when the store cannot be read."""
        from prometheus_client.metrics_core import Metric

        for family in collect(get_store()):
            metric = Metric(family.name, family.help, _TYPES[family.kind], family.unit)
            for point in family.points:
                _add(metric, family, point)
            yield metric


def _add(metric: Metric, family: Family, point: Point) -> None:
    labels = dict(point.labels)
    if point.cell is not None:
        _add_buckets(metric, family, labels, point.cell)
        metric.add_sample(f"{family.name}_count", labels, point.cell.count)
        metric.add_sample(f"{family.name}_sum", labels, point.cell.sum)
    elif family.kind == "gauge":
        metric.add_sample(family.name, labels, point.value)
        return
    else:
        metric.add_sample(f"{family.name}_total", labels, point.value)
    metric.add_sample(f"{family.name}_created", labels, point.created_at)


def _add_buckets(metric: Metric, family: Family, labels: dict[str, str], cell: Cell) -> None:
    from prometheus_client.samples import Exemplar

    bounds, counts = classic_counts(cell, family.bounds)
    rows = [
        *((repr(bound), seen) for bound, seen in zip(bounds, accumulate(counts), strict=True)),
        ("+Inf", cell.count),
    ]
    for slot, (bound, seen) in enumerate(rows):
        found = (cell.exemplars or {}).get(slot) if bounds else None
        exemplar = Exemplar(dict(exemplar_labels(found[2])), found[0], found[1]) if found else None
        metric.add_sample(f"{family.name}_bucket", {**labels, "le": bound}, seen, exemplar=exemplar)
