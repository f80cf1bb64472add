"""Upkeep of cells in Redis: dirty hours, packing of closed hours, forgetting what is silent; all in short scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...conf import get_settings
from ...core.archive import Slot
from ...core.series import series_from_text
from ...core.summary import Summary
from ...core.windows import DAY, HOUR, floor
from ..base import GAUGE_LIVES_S, GAUGE_PROCESSES, PROCESS_TTL_S
from ..hours import archived_slots, archived_summaries, repacked
from ..merging import stored_cell
from ..summaries import is_summary, stored_summary
from .client import Arg, RedisClient
from .inbox import seconds
from .keys import BLOCK, COARSE, FINE, VERSION, ShardKeys

SERIES_AT_ONCE = 8
"""Eight series have at most 480 one-minute cells in an hour."""

FIELDS_AT_ONCE = 500

Fields = dict[bytes, bytes]


def versions(client: RedisClient, keys: ShardKeys) -> tuple[dict[int, int], dict[int, int]]:
    """Return the newest commit number of each hour, and the one up to which it is rolled up."""
    dirty, clean = client.pipeline([("HGETALL", keys.dirty), ("HGETALL", keys.clean)])
    return _numbers(dirty), _numbers(clean)


def _numbers(fields: Fields) -> dict[int, int]:
    return {int(hour): int(number) for hour, number in fields.items()}


def clean_hour(client: RedisClient, keys: ShardKeys, hour: int, number: int) -> None:
    """Note that an hour is rolled up to a commit number; a later commit makes it dirty again by its number."""
    client.call("HSET", keys.clean, hour, number)


def pack_hour(
    client: RedisClient, keys: ShardKeys, hour: int, breathe: Callable[[], None], *, coarse: bool
) -> tuple[int, dict[str, int]]:
    """Put an hour's cells into archives; return how many were taken in, and what could not be read."""
    ids = sorted(each.decode() for each in client.call("SMEMBERS", keys.hour(hour)))
    done, losses = 0, dict[str, int]()
    for at in range(0, len(ids), SERIES_AT_ONCE):
        taken = None
        while taken is None:
            taken = _pack_some(client, keys, hour, ids[at : at + SERIES_AT_ONCE], losses, coarse=coarse)
            breathe()
        done += taken
    return done, losses


def _pack_some(
    client: RedisClient, keys: ShardKeys, hour: int, ids: Sequence[str], losses: dict[str, int], *, coarse: bool
) -> int | None:
    """Pack the hour's hashes of some series; return how many cells went in, or nothing if a commit came between."""
    version = client.call("HGET", keys.dirty, hour)
    hours = [keys.cells(series_id, hour) for series_id in ids]
    targets = [
        # Of summaries there are few: they stay in their hour.
        keys.block(series_id, hour) if coarse and not is_summary(series_id) else name
        for series_id, name in zip(ids, hours, strict=True)
    ]
    read = read_hashes(client, [*hours, *targets])
    touched: list[str] = []
    args: list[Arg] = [hour, version or b"", block_expiry(hour)]
    found: dict[str, int] = {}
    taken = 0
    kept = COARSE if coarse else FINE
    for key, name, target, fields, block in zip(ids, hours, targets, read[: len(ids)], read[len(ids) :], strict=True):
        old = _to_pack(fields, coarse=coarse, moves=target != name)
        if not old:
            continue
        archives = [fields[field] for field in old if field in (FINE, COARSE)]
        archives += [block[COARSE]] if target != name and COARSE in block else []
        ones = [(*place(field), fields[field]) for field in old if field not in (FINE, COARSE)]
        packed, went = repacked(key, hour, ones, archives, found, coarse=coarse)
        if packed is not None:
            gone = [field for field in old if target != name or field != kept]
            touched += (name, target)
            args += (kept, packed, block.get(VERSION, b""), len(gone), *gone)
            taken += 0 if is_summary(key) else went
    if touched:
        if not client.run("pack_cells", (keys.state, keys.dirty, *touched), args):
            return None
        for reason, count in found.items():
            losses[reason] = losses.get(reason, 0) + count
    return taken


def block_expiry(hour: int) -> int:
    """Return when the block that an hour is in expires: with the last of its hours."""
    return floor(hour, BLOCK) + BLOCK - HOUR + get_settings().RETENTION.METRICS * DAY + 2 * HOUR


def read_hashes(client: RedisClient, names: Sequence[str]) -> list[Fields]:
    """Return hashes of one shard as they were at one moment."""
    return [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in client.run("read_hashes", names)]


def _to_pack(fields: Fields, *, coarse: bool, moves: bool) -> list[bytes]:
    """Return the fields of an hour that go into an archive, an older one included; none if all is where it belongs.

    The archive `moves` out of the hour's hash, or is a field of it.
    """
    loose = [field for field in fields if field not in (FINE, COARSE)]
    archives = [field for field in ((FINE, COARSE) if coarse else (FINE,)) if field in fields]
    if loose or moves or (coarse and FINE in fields):
        return [*loose, *archives]
    return []


def slots_of(field: bytes, packed: bytes, losses: dict[str, int]) -> list[Slot]:
    """Return what a field of a cell hash holds; what cannot be read is counted and holds nothing."""
    if field in (FINE, COARSE):
        return archived_slots(packed, losses)
    return [(*place(field), stored_cell(packed, losses))]


def summaries_of(field: bytes, packed: bytes, losses: dict[str, int]) -> list[tuple[int, int, Summary]]:
    """Return what a field of a hash of summaries holds; what cannot be read is counted and holds nothing."""
    if field in (FINE, COARSE):
        return archived_summaries(packed, losses)
    return [(*place(field), stored_summary(packed, losses))]


def place(field: bytes) -> tuple[int, int]:
    """Return the start and width that a field of its own names."""
    width, start = map(int, field.split(b":"))
    return start, width


def expire(client: RedisClient, keys: ShardKeys, before: int, idle_before: int, breathe: Callable[[], None]) -> int:
    """Forget silent series, processes and readings, and old hours; cells expire by themselves."""
    now = seconds(*client.run("clock", (keys.state,)))
    gone = _forget_series(client, keys, idle_before, breathe)
    gone += _forget_processes(client, keys, now, breathe)
    _forget_readings(client, keys, idle_before, now - GAUGE_LIVES_S, breathe)
    for name in (keys.dirty, keys.clean):
        old = [hour for hour in _numbers(client.call("HGETALL", name)) if hour < before]
        if old:
            client.call("HDEL", name, *old)
    return gone


def _forget_series(client: RedisClient, keys: ShardKeys, idle_before: int, breathe: Callable[[], None]) -> int:
    gone = 0
    while True:
        ids = client.call("ZRANGEBYSCORE", keys.seen, "-inf", f"({idle_before}", "LIMIT", 0, FIELDS_AT_ONCE)
        if not ids:
            return gone
        names = [keys.state, keys.totals, keys.series, keys.seen]
        for key, text in zip(ids, client.call("HMGET", keys.series, *ids), strict=True):
            name = series_from_text(text.decode()).name if text is not None else ""
            names += (keys.named(name), keys.gauge(key.decode()))
        gone += int(client.run("forget_series", names, (idle_before, *ids)))
        breathe()


def _forget_processes(client: RedisClient, keys: ShardKeys, now: float, breathe: Callable[[], None]) -> int:
    gone = 0
    for fields in _scan(client, keys.processes):
        old: list[Arg] = []
        for field, value in fields.items():
            if field != b"epoch" and int(value.split()[-1]) < now - PROCESS_TTL_S:
                old += (field, value)
        if old:
            gone += int(client.run("forget_fields", (keys.processes,), old))
        breathe()
    return gone


def _forget_readings(
    client: RedisClient, keys: ShardKeys, idle_before: int, gone_before: float, breathe: Callable[[], None]
) -> None:
    """Drop the readings of processes that are gone: workers that are recycled leave one each."""
    for registered in _scan(client, keys.series):
        for text in registered.values():
            each = series_from_text(text.decode())
            if each.kind == "gauge":
                _trim_gauge(client, keys.gauge(each.id), idle_before, gone_before)
                breathe()


def _trim_gauge(client: RedisClient, name: str, idle_before: int, gone_before: float) -> None:
    fields: Fields = client.call("HGETALL", name)
    newest_first = sorted(fields.items(), key=lambda pair: float(pair[1].split()[0]), reverse=True)
    old: list[Arg] = []
    for rank, (process, reading) in enumerate(newest_first):
        if float(reading.split()[0]) < (idle_before if rank < GAUGE_PROCESSES else gone_before):
            old += (process, reading)
    for at in range(0, len(old), FIELDS_AT_ONCE):
        client.run("forget_fields", (name,), old[at : at + FIELDS_AT_ONCE])


def _scan(client: RedisClient, name: str) -> Iterator[Fields]:
    """Yield the fields of a large hash in pieces; one that changes meanwhile may be seen twice."""
    cursor = 0
    while True:
        cursor, fields = client.call("HSCAN", name, cursor, "COUNT", FIELDS_AT_ONCE)
        yield fields
        if not int(cursor):
            return
