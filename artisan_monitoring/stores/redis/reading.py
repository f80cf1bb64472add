"""Reading cells, totals and gauges out of Redis, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from ...core.packing import NotABatch, unpack_cell
from ...core.series import Series, series_from_text
from ...core.summary import Summary
from ...core.windows import HOUR, floor
from ..base import Bucket, GaugeValue, Total
from ..summaries import summary_id
from .cells import CREATED
from .client import RedisClient
from .inbox import seconds
from .keys import ShardKeys
from .upkeep import slots_of, summaries_of

Item = TypeVar("Item")

AT_ONCE = 200
"""Hashes of an hour, or fields of a registry, in one round trip: at most about 10 MB, and 2 ms of Redis time."""


def series(client: RedisClient, keys: ShardKeys, name: str | None) -> dict[str, Series]:
    """Return the series of one metric, or all, by id."""
    if name is None:
        ids = client.call("HKEYS", keys.series)
    else:
        ids = client.call("SMEMBERS", keys.named(name))
    found: dict[str, Series] = {}
    for some in _slices(sorted(ids)):
        texts = client.call("HMGET", keys.series, *some)
        for text in texts:
            if text is not None:
                each = series_from_text(text.decode())
                found[each.id] = each
    return found


def totals(client: RedisClient, keys: ShardKeys, name: str | None) -> Iterator[Total]:
    """Yield the cumulative totals of one metric's series, or of all."""
    known = series(client, keys, name)
    for some in _slices(sorted(known)):
        for key, packed in zip(some, client.call("HMGET", keys.totals, *some), strict=True):
            if packed is None:
                continue
            try:
                cell = unpack_cell(packed[CREATED.size :])
            except NotABatch:
                # The next commit into it counts the loss and starts it anew.
                continue
            yield Total(known[key], cell, CREATED.unpack_from(packed)[0])


def buckets(
    client: RedisClient, keys: ShardKeys, series_ids: Sequence[str], start: float, end: float
) -> Iterator[Bucket]:
    """Yield the cells of a window."""
    hours = range(floor(start, HOUR), int(-(-end // 1)), HOUR)
    wanted = [(series_id, hour) for series_id in series_ids for hour in hours]
    for some in _slices(wanted):
        rows = client.pipeline([("HGETALL", keys.cells(series_id, hour)) for series_id, hour in some])
        for (series_id, _), fields in zip(some, rows, strict=True):
            yield from _cells(series_id, fields, start, end)


def _cells(series_id: str, fields: dict[bytes, bytes], start: float, end: float) -> Iterator[Bucket]:
    unread: dict[str, int] = {}
    for field, packed in fields.items():
        for at, width, cell in slots_of(field, packed, unread):
            if start <= at < end and cell.count:
                yield Bucket(series_id, at, width, cell)


def summaries(
    client: RedisClient, keys: ShardKeys, name: str, start: float, end: float
) -> Iterator[tuple[int, int, Summary]]:
    """Yield a metric's summaries in a window, hour by hour."""
    for hour in range(floor(start, HOUR), int(-(-end // 1)), HOUR):
        for field, packed in client.call("HGETALL", keys.cells(summary_id(name), hour)).items():
            for at, width, summary in summaries_of(field, packed, {}):
                if start <= at < end:
                    yield at, width, summary


def gauges(client: RedisClient, keys: ShardKeys, series_ids: Sequence[str]) -> dict[str, list[GaugeValue]]:
    """Return each gauge's last value in each process."""
    found: dict[str, list[GaugeValue]] = {}
    now = seconds(*client.run("clock", (keys.state,)))
    for some in _slices(series_ids):
        rows = client.pipeline([("HGETALL", keys.gauge(series_id)) for series_id in some])
        for series_id, fields in zip(some, rows, strict=True):
            for process, reading in sorted(fields.items()):
                at, value = map(float, reading.split())
                found.setdefault(series_id, []).append(GaugeValue(process.decode(), value, max(0.0, now - at)))
    return found


def _slices(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), AT_ONCE):
        yield items[at : at + AT_ONCE]
