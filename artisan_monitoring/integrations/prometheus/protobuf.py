"""The protobuf format, delimited, with native histograms: the one in which Prometheus takes all of a distribution.

Messages and field numbers are those of `io/prometheus/client/metrics.proto` in prometheus/client_model (0.6), the wire
format that of the Protocol Buffers documentation, "Encoding". Only what is sent is written here: a scrape needs no
protobuf package. A native histogram's index i holds (base**(i-1), base**i], as our bins do, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from math import inf
from struct import Struct

from ...core.histogram import ZERO_BELOW, Cell, Exemplar
from .exemplars import exemplar_labels
from .families import TARGET_INFO, Family, Point, classic_counts
from .help import TARGET_INFO as TARGET_HELP
from .names import Labels

_COUNTER, _GAUGE, _HISTOGRAM = 0, 1, 4
_TYPES = {"counter": _COUNTER, "gauge": _GAUGE, "distribution": _HISTOGRAM}
_DOUBLE = Struct("<d").pack
_VARINT, _FIXED64, _BYTES = 0, 1, 2


def delimited(families: Iterable[Family], target: Labels) -> bytes:
    """Return each family as a MetricFamily message after its length."""
    messages = [_family(TARGET_INFO, TARGET_HELP, _GAUGE, "", [_labels(target) + _bytes(2, _double(1, 1.0))])]
    for family in families:
        name = family.name + "_total" if family.kind == "counter" else family.name
        metrics = [_metric(family, point) for point in family.points]
        messages.append(_family(name, family.help, _TYPES[family.kind], family.unit, metrics))
    return b"".join(varint(len(message)) + message for message in messages)


def _family(name: str, text: str, kind: int, unit: str, metrics: Iterable[bytes]) -> bytes:
    parts = [_text(1, name), _text(2, text), _integer(3, kind), *(_bytes(4, metric) for metric in metrics)]
    if unit:
        parts.append(_text(5, unit))
    return b"".join(parts)


def _metric(family: Family, point: Point) -> bytes:
    if point.cell is not None:
        body = _bytes(7, _histogram(point.cell, family.bounds, point.created_at))
    elif family.kind == "counter":
        body = _bytes(3, _double(1, point.value) + _bytes(3, _timestamp(point.created_at)))
    else:
        body = _bytes(2, _double(1, point.value))
    return _labels(point.labels) + body


# -- histograms --------------------------------------------------------------------------------------------------------


def _histogram(cell: Cell, bounds: tuple[float, ...], created_at: float) -> bytes:
    exemplars = {slot: _exemplar(each) for slot, each in (cell.exemplars or {}).items()}
    parts = [_integer(1, cell.count), _double(2, cell.sum), *_classic(cell, bounds, exemplars)]
    parts += (_integer(5, zigzag(cell.schema)), _double(6, ZERO_BELOW), _integer(7, cell.zero))
    spans, deltas = sparse(cell.bins or {})
    parts += [_bytes(12, _integer(1, zigzag(offset)) + _integer(2, length)) for offset, length in spans]
    if deltas:
        # Packed, which every parser takes also where the field is not declared so: half the size and the time.
        parts.append(_bytes(13, _packed(deltas)))
    parts.append(_bytes(15, _timestamp(created_at)))
    in_time = sorted(exemplars, key=lambda slot: (cell.exemplars or {})[slot][1])
    parts += [_bytes(16, exemplars[slot]) for slot in in_time]
    return b"".join(parts)


def _classic(cell: Cell, bounds: tuple[float, ...], exemplars: dict[int, bytes]) -> list[bytes]:
    kept, counts = classic_counts(cell, bounds)
    rows = [*zip(kept, accumulate(counts), strict=True), (inf, cell.count)] if kept else []
    buckets = []
    for slot, (bound, seen) in enumerate(rows):
        bucket = _integer(1, seen) + _bound(bound)
        if slot in exemplars:
            bucket += _bytes(3, exemplars[slot])
        buckets.append(_bytes(3, bucket))
    return buckets


def sparse(bins: dict[int, int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return bins as spans (gap since the end of the last one, length) and as differences between neighbours.

    The first gap is the first index itself. Gaps of up to two empty bins are filled: that is shorter than a new span
    (Prometheus' client_golang does the same). Hot: 140 bins a series, so what most
    of them need is one comparison.
    """
    indexes = sorted(bins)
    if not indexes:
        return [], []
    spans: list[tuple[int, int]] = []
    deltas: list[int] = []
    gap, begin, previous = indexes[0], indexes[0], 0
    expected = begin
    for index in indexes:
        if index != expected:
            if index - expected <= 2:
                deltas += [-previous, 0][: index - expected]
                previous = 0
            else:
                spans.append((gap, expected - begin))
                gap, begin = index - expected, index
        count = bins[index]
        deltas.append(count - previous)
        previous = count
        expected = index + 1
    spans.append((gap, expected - begin))
    return spans, deltas


def _packed(deltas: list[int]) -> bytes:
    """Return differences as a packed field's content; most fit in a byte each."""
    coded = [each << 1 if each >= 0 else (-each << 1) - 1 for each in deltas]
    return bytes(coded) if max(coded, default=0) < 0x80 else b"".join([varint(each) for each in coded])


def _exemplar(exemplar: Exemplar) -> bytes:
    value, at, attributes = exemplar
    return _labels(exemplar_labels(attributes)) + _double(2, value) + _bytes(3, _timestamp(at))


# -- the wire ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def varint(value: int) -> bytes:
    """Return a non-negative integer, seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def zigzag(value: int) -> int:
    """Return a signed integer as sint32 and sint64 carry it: small numbers of either sign stay small."""
    return value << 1 if value >= 0 else (-value << 1) - 1


@lru_cache(maxsize=64)
def _key(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def _integer(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + varint(value)


def _double(number: int, value: float) -> bytes:
    return _key(number, _FIXED64) + _DOUBLE(value)


@lru_cache(maxsize=64)
def _bound(value: float) -> bytes:
    return _double(2, value)


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, _BYTES) + varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode("utf-8", "backslashreplace"))


def _labels(labels: Labels) -> bytes:
    return b"".join([_bytes(1, _text(1, name) + _text(2, value)) for name, value in labels])


def _timestamp(at: float) -> bytes:
    """Return seconds since the epoch as a `google.protobuf.Timestamp`."""
    nanos = round(at * 1000) * 1_000_000
    return _integer(1, nanos // 10**9) + _integer(2, nanos % 10**9)
