"""The store's metrics as OTLP messages (opentelemetry-proto 1.x, `metrics.proto`), through the protocol's own package.

Counters are cumulative sums, distributions cumulative exponential histograms, both since their series was made: what
one export misses the next one carries, whoever makes it. Gauges are what they are now. Our bin i holds
(base**(i-1), base**i] and OTLP's bucket i (base**i, base**(i+1)]: they are the same, one index apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ... import __version__
from ...conf import get_settings
from ...core.histogram import ZERO_BELOW, Cell
from ...core.series import Series
from ...metrics.queries import combine
from ...pipeline.pacing import breathe
from ...stores.base import GAUGE_SILENCE_FLUSHES, Store, Total

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, Metric, NumberDataPoint

POINTS_PER_REQUEST = 200
"""Copying them into a request holds the interpreter for 2 ms (1,000: 11 ms), and in a web process requests wait."""

MAX_WIDTH = 2048
"""Buckets are sent without gaps: a histogram from nanoseconds to years is sent one schema down rather than wider."""

Definition: TypeAlias = tuple[str, str, str]
"""name, kind, unit: what one OTLP metric stands for."""

Point: TypeAlias = "NumberDataPoint | ExponentialHistogramDataPoint"
Part: TypeAlias = tuple[Definition, list[Point]]


def requests(store: Store, exemplars_since: float) -> Iterator[tuple[ExportMetricsServiceRequest, int]]:
    """Yield all there is, in requests of at most 200 points, each with how many it has. Exemplars from before a time
    are left out: they have been sent.

    Raise `StoreUnavailable` where the store cannot be asked.
    """
    parts: list[Part] = []
    room = POINTS_PER_REQUEST
    for definition, points in _all_points(store, exemplars_since):
        rest = points
        while rest:
            parts.append((definition, rest[:room]))
            rest, room = rest[room:], room - len(rest)
            if room <= 0:
                yield _request(parts), POINTS_PER_REQUEST
                parts, room = [], POINTS_PER_REQUEST
    if parts:
        yield _request(parts), POINTS_PER_REQUEST - room


def _all_points(store: Store, exemplars_since: float) -> Iterator[Part]:
    """Yield every metric's points; a name at a time, for the totals of all of them may not fit in memory."""
    by_name: dict[str, list[Series]] = {}
    for each in store.series():
        by_name.setdefault(each.name, []).append(each)
    for name, series in sorted(by_name.items()):
        points: dict[Definition, list[Point]] = {}
        now = store.now()
        for each, point in (*_totals(store, name, now, exemplars_since), *_gauges(store, series, now)):
            points.setdefault((each.name, each.kind, each.unit), []).append(point)
        yield from points.items()


def _totals(store: Store, name: str, now: float, exemplars_since: float) -> Iterator[tuple[Series, Point]]:
    for total in store.totals(name):
        if total.series.kind == "counter":
            yield total.series, _sum(total, now)
        elif total.series.kind == "distribution":
            yield total.series, _histogram(total, now, exemplars_since)
        breathe()


def _gauges(store: Store, series: Iterable[Series], now: float) -> Iterator[tuple[Series, Point]]:
    gauges = [each for each in series if each.kind == "gauge"]
    readings = store.gauges([each.id for each in gauges]) if gauges else {}
    fresh_s = GAUGE_SILENCE_FLUSHES * (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s)
    for each in gauges:
        value = combine(each, readings.get(each.id, ()), fresh_s)
        if value is not None:
            yield each, _gauge(each, value, now)


def _request(parts: Iterable[Part]) -> ExportMetricsServiceRequest:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    chosen = get_settings()
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    # No instance: the series are the deployment's, and stay the same whichever process exports them.
    known = (
        ("service.name", chosen.SERVICE),
        ("deployment.environment.name", chosen.ENVIRONMENT),
        ("service.version", chosen.RELEASE),
    )
    resource.resource.attributes.extend(_attributes((key, value) for key, value in known if value))
    scope = resource.scope_metrics.add()
    scope.scope.name, scope.scope.version = "artisan_monitoring", __version__
    scope.metrics.extend(_metric(definition, points) for definition, points in parts)
    return request


def _metric(definition: Definition, points: Sequence[Point]) -> Metric:
    from opentelemetry.proto.metrics.v1 import metrics_pb2

    name, kind, unit = definition
    metric = metrics_pb2.Metric(name=name, unit="1" if unit == "count" else unit)
    if kind == "counter":
        metric.sum.is_monotonic = True
        metric.sum.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        metric.sum.data_points.extend(points)  # type: ignore[arg-type]  # a definition has one kind of points
    elif kind == "distribution":
        metric.exponential_histogram.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        metric.exponential_histogram.data_points.extend(points)  # type: ignore[arg-type]
    else:
        metric.gauge.data_points.extend(points)  # type: ignore[arg-type]
    return metric


# -- points ------------------------------------------------------------------------------------------------------------


def _sum(total: Total, now: float) -> NumberDataPoint:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

    return NumberDataPoint(
        attributes=_attributes(total.series.tags),
        start_time_unix_nano=nanos(min(total.created_at, now)),
        time_unix_nano=nanos(now),
        as_double=total.cell.sum,
    )


def _gauge(series: Series, value: float, now: float) -> NumberDataPoint:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

    return NumberDataPoint(attributes=_attributes(series.tags), time_unix_nano=nanos(now), as_double=value)


def _histogram(total: Total, now: float, exemplars_since: float) -> ExponentialHistogramDataPoint:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

    cell = total.cell
    _narrow(cell)
    point = ExponentialHistogramDataPoint(
        attributes=_attributes(total.series.tags),
        start_time_unix_nano=nanos(min(total.created_at, now)),
        time_unix_nano=nanos(now),
        count=cell.count,
        sum=cell.sum,
        scale=cell.schema,
        zero_count=cell.zero,
        zero_threshold=ZERO_BELOW,
    )
    if cell.count:
        point.min, point.max = cell.min, cell.max
    if cell.bins:
        first, last = min(cell.bins), max(cell.bins)
        point.positive.offset = first - 1
        point.positive.bucket_counts.extend(cell.bins.get(index, 0) for index in range(first, last + 1))
    _add_exemplars(point, cell, exemplars_since)
    return point


def _narrow(cell: Cell) -> None:
    while cell.bins and max(cell.bins) - min(cell.bins) >= MAX_WIDTH:
        cell.coarsen(cell.schema - 1)


def _add_exemplars(point: ExponentialHistogramDataPoint, cell: Cell, since: float) -> None:
    for value, at, leads in (cell.exemplars or {}).values():
        if at < since:
            continue
        exemplar = point.exemplars.add(as_double=value, time_unix_nano=nanos(at))
        exemplar.trace_id = bytes_of_id(leads.get("trace_id", ""), 16)
        exemplar.span_id = bytes_of_id(leads.get("span_id", ""), 8)
        rest = ((key, text) for key, text in leads.items() if key not in ("trace_id", "span_id"))
        exemplar.filtered_attributes.extend(_attributes(rest))


def bytes_of_id(text: str, size: int) -> bytes:
    """Return an id of W3C trace context as bytes; empty for one that is none."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found if len(found) == size else b""


def _attributes(pairs: Iterable[tuple[str, str]]) -> list[KeyValue]:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in pairs]


def nanos(at: float) -> int:
    """Return seconds as the protocol's nanoseconds."""
    # By the microsecond: a double has no more, and a time must be the same in every export.
    return round(at * 1e6) * 1000
