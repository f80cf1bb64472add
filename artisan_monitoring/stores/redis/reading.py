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
from .keys import BLOCK, VERSION, ShardKeys
from .upkeep import read_hashes, slots_of, summaries_of

Item = TypeVar("Item")

AT_ONCE = 200
"""Fields of a registry, or gauges, in one round trip."""

BLOCKS_AT_ONCE = 30
"""With their hours up to 210 hashes in one round trip: at most about 10 MB, and 2 ms of Redis time."""


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
    """Yield the cells of a window. A block is read together with the hours that may be on their way into it."""
    first, last = floor(start, HOUR), int(-(-end // 1))
    blocks = range(floor(first, BLOCK), last, BLOCK)
    wanted = [(series_id, block) for series_id in series_ids for block in blocks]
    for some in _slices(wanted, BLOCKS_AT_ONCE):
        names: list[tuple[str, str]] = []
        for series_id, block in some:
            hours = range(max(first, block), min(last, block + BLOCK), HOUR)
            names += [(series_id, keys.cells(series_id, hour)) for hour in hours]
            names.append((series_id, keys.block(series_id, block)))
        rows = read_hashes(client, [name for _, name in names])
        for (series_id, _), fields in zip(names, rows, strict=True):
            yield from _cells(series_id, fields, start, end)


def _cells(series_id: str, fields: dict[bytes, bytes], start: float, end: float) -> Iterator[Bucket]:
    unread: dict[str, int] = {}
    for field, packed in fields.items():
        if field == VERSION:
            continue
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


def _slices(items: Sequence[Item], size: int = AT_ONCE) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
