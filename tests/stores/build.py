"""Short ways to make series, cells, deltas and commits."""

from __future__ import annotations

import time

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.stores.base import Commit, Cursor, Producer, Store, merge_deltas

NOW = int(time.time())
HOUR_AGO = floor(NOW, HOUR) - HOUR
"""The start of an hour that is over and that no store has expired."""


def counter(name: str = "orders", **tags: str) -> Series:
    return Series(name, "counter", "1", tuple(sorted(tags.items())))


def distribution(name: str = "duration", **tags: str) -> Series:
    return Series(name, "distribution", "s", tuple(sorted(tags.items())))


def gauge(name: str = "queue", **tags: str) -> Series:
    return Series(name, "gauge", "1", tuple(sorted(tags.items())), "sum")


def added(*values: float) -> Cell:
    cell = Cell()
    for value in values:
        cell.add(value)
    return cell


def observed(*values: float) -> Cell:
    cell = Cell()
    for value in values:
        cell.observe(value, SECONDS_BOUNDS)
    return cell


def delta(series: Series, cell: Cell, minute: int = 0, width: int = 60) -> Delta:
    """A delta in the `minute`-th minute of the hour that is over."""
    return Delta(series, HOUR_AGO + 60 * minute, width, cell)


def commit(
    store: Store,
    *deltas: Delta,
    shard: int = 0,
    gauges: tuple[tuple[Series, str, float, float], ...] = (),
    producers: tuple[Producer, ...] = (),
    losses: dict[str, int] | None = None,
) -> Commit:
    """Commit deltas to a shard as the drain would, one position further; return what was committed."""
    cursor = store.cursor(shard)
    wanted = Commit(
        shard,
        cursor,
        Cursor(cursor.epoch, cursor.position + 1, 0),
        merge_deltas(deltas),
        list(gauges),
        list(producers),
        dict(losses or {}),
    )
    store.commit(wanted)
    return wanted


def same(one: Cell, other: Cell) -> bool:
    """Say whether two cells hold the same, in the coarser one's schema."""
    one, other = one.copy(), other.copy()
    schema = min(one.schema, other.schema)
    one.coarsen(schema)
    other.coarsen(schema)
    return (
        (one.count, one.min, one.max, one.zero, one.bins, one.classic)
        == (other.count, other.min, other.max, other.zero, other.bins, other.classic)
    ) and abs(one.sum - other.sum) <= 1e-9 * max(1.0, abs(one.sum))


def total(store: Store, series: Series) -> Cell | None:
    """Return a series' total, or nothing."""
    found = [each.cell for each in store.totals(series.name) if each.series == series]
    return found[0] if found else None


def slots(
    store: Store, *series: Series, start: int = HOUR_AGO, end: int = HOUR_AGO + HOUR
) -> dict[tuple[int, int], Cell]:
    """Return the cells of some series by (start, width); cells of the same slot are merged, as readers do."""
    found: dict[tuple[int, int], Cell] = {}
    for bucket in store.buckets([each.id for each in series], start, end):
        found.setdefault((bucket.start, bucket.width), Cell()).merge(bucket.cell)
    return found


def sum_of(store: Store, *series: Series) -> float:
    """Return the sum over all slots of the hour."""
    return sum(cell.sum for cell in slots(store, *series).values())
