"""A commit in Redis: read the cells in one script, merge them here, write them in another that compares first.

Every writer of cells (commits, packing, forgetting of series) raises the shard's commit number, and writes only if it
is still what it was when the cells were read: nothing is overwritten that was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct

from ...conf import get_settings
from ...core.packing import Delta
from ...core.series import Series
from ...core.windows import DAY, HOUR, floor
from ...exceptions import CursorMoved, StoreUnavailable
from ..base import PROCESS_TTL_S, Commit
from ..merging import (
    MOST,
    Gauge,
    hours_of,
    keep_within_limit,
    merged_slot,
    merged_totals,
    newest_gauges,
    refusing,
    series_of,
)
from ..summaries import Slot, merged_summaries, slots_of_summaries
from .client import Arg, RedisClient
from .inbox import seconds
from .keys import ShardKeys

CREATED = Struct("<d")
"""Before the packed cell of a total: when the series was made."""

TRIES = 5
"""How often a commit is prepared anew because upkeep moved the commit number; drainers are told `CursorMoved`."""


@dataclass(slots=True)
class _Stored:
    """What was read: the state's four fields as they stand, the time, the shard's counts, cells, totals, summaries."""

    state: list[bytes | None]
    now: float
    series_count: int
    registry_whole: bool
    cells: list[bytes | None]
    totals: dict[str, bytes]
    summaries: dict[Slot, bytes]


def commit(client: RedisClient, keys: ShardKeys, wanted: Commit, shards: int, breathe: Callable[[], None]) -> None:
    """Apply a commit; see `Store.commit`."""
    for _ in range(TRIES):
        places = slots_of_summaries(wanted.deltas)
        stored = _read(client, keys, wanted.deltas, places, series_of(wanted))
        expected = wanted.expected
        if stored.state[:3] != [expected.epoch.encode(), b"%d" % expected.position, b"%d" % expected.offset]:
            raise CursorMoved(f"{keys.state} is not at {expected}")
        losses = dict(wanted.losses)
        deltas, gauges = keep_within_limit(wanted, stored.totals, lambda: stored.series_count, shards, losses)  # noqa: B023
        if deltas is not wanted.deltas:
            # Overflow series stand in for some of them: what is stored of those has not been read yet.
            wanted.deltas, wanted.gauges = deltas, gauges
            wanted.losses = losses
            continue
        with refusing():
            prepared = _write(keys, wanted, stored, losses, breathe)
        if client.run("write_cells", *prepared):
            return
    raise StoreUnavailable(f"{keys.state} is too busy to commit")


def _read(
    client: RedisClient, keys: ShardKeys, deltas: Sequence[Delta], places: Sequence[Slot], series: dict[str, Series]
) -> _Stored:
    ids = sorted(series)
    slots = [*((delta.series.id, delta.start, delta.width) for delta in deltas), *places]
    names = [keys.state, keys.totals, keys.series]
    names += [keys.cells(key, floor(start, HOUR)) for key, start, _ in slots]
    args: list[Arg] = [len(slots), *(f"{width}:{start}" for _, start, width in slots), *ids]
    state, time, totals_count, series_count, cells, totals = client.run("read_cells", names, args)
    known = {key: total for key, total in zip(ids, totals, strict=True) if total is not None}
    summaries = {place: packed for place, packed in zip(places, cells[len(deltas) :], strict=True) if packed}
    del cells[len(deltas) :]
    return _Stored(state, seconds(*time), series_count, totals_count == series_count, cells, known, summaries)


def _write(
    keys: ShardKeys, wanted: Commit, stored: _Stored, losses: dict[str, int], breathe: Callable[[], None]
) -> tuple[list[str], list[Arg]]:
    """Return the keys and arguments of `write_cells.lua`, which says what they are."""
    series = series_of(wanted)
    # A series' text is written with its first total, and again should the registry have lost some.
    new = [each for key, each in sorted(series.items()) if key not in stored.totals or not stored.registry_whole]
    gauges = newest_gauges(wanted.gauges)
    merged = _merge_cells(wanted.deltas, stored, losses, breathe)
    taken = [delta for delta, _ in merged]
    cells = [((delta.series.id, delta.start, delta.width), packed) for delta, packed in merged]
    cells += merged_summaries(taken, stored.summaries, losses).items()
    totals = _total_args(taken, series, stored, losses)
    hours = hours_of(taken)

    names = [keys.state, keys.totals, keys.series, keys.seen, keys.dirty, keys.processes]
    names += [keys.cells(key, floor(start, HOUR)) for (key, start, _), _ in cells]
    names += map(keys.hour, hours)
    names += [keys.named(each.name) for each in new]
    names += [keys.gauge(gauge[0].id) for gauge in gauges]
    args: list[Arg] = [field if field is not None else b"" for field in stored.state]
    args += [wanted.new.position, wanted.new.offset, repr(stored.now)]
    args += [len(hours), len(cells), len(series), len(new), len(gauges), len(wanted.producers), len(losses)]
    args += _hour_args(hours) + _cell_args(cells, hours) + totals
    for each in new:
        args += (each.id, each.text)
    args += _gauge_args(gauges)
    for producer in wanted.producers:
        args += (producer.process, f"{producer.sequence} {producer.observations} {int(stored.now)}")
    for reason, count in losses.items():
        args += (reason, min(count, MOST))
    return names, args


def _hour_args(hours: Sequence[int]) -> list[Arg]:
    keep_s = get_settings().RETENTION.METRICS * DAY + 2 * HOUR
    return [arg for hour in hours for arg in (hour, hour + keep_s)]


def _cell_args(cells: Sequence[tuple[Slot, bytes]], hours: Sequence[int]) -> list[Arg]:
    number = {hour: at for at, hour in enumerate(hours, 1)}
    args: list[Arg] = []
    for (_, start, width), packed in cells:
        args += (number[floor(start, HOUR)], f"{width}:{start}", packed)
    return args


def _merge_cells(
    deltas: Sequence[Delta], stored: _Stored, losses: dict[str, int], breathe: Callable[[], None]
) -> list[tuple[Delta, bytes]]:
    """Return the deltas that fit their slots, each with the slot's new cell."""
    merged = []
    for delta, known in zip(deltas, stored.cells, strict=True):
        breathe()
        packed = merged_slot(delta, known, losses)
        if packed is not None:
            merged.append((delta, packed))
    return merged


def _total_args(
    taken: Sequence[Delta], series: dict[str, Series], stored: _Stored, losses: dict[str, int]
) -> list[Arg]:
    known = {key: packed[CREATED.size :] for key, packed in stored.totals.items()}
    now = CREATED.pack(stored.now)
    args: list[Arg] = []
    for key, packed in merged_totals(taken, series, known, losses).items():
        created = stored.totals[key][: CREATED.size] if key in stored.totals else now
        args += (key, created + packed)
    return args


def _gauge_args(gauges: Sequence[Gauge]) -> list[Arg]:
    args: list[Arg] = []
    for _, process, value, at in gauges:
        args += (process, repr(at), repr(value), PROCESS_TTL_S)
    return args
