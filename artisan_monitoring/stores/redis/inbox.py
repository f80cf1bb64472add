"""The inbox in a stream: appending under a guard in one script, reading in order, trimming.

The ids of entries are times, so that a Redis restored from a snapshot does not use a position twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_hex

from ...exceptions import InboxFull, StoreRefused
from ..base import Appended, Cursor, Entry, InboxStats, Producer, Waiting
from .client import RedisClient
from .keys import ShardKeys

_SEQUENCE_BITS = 20
"""A stream id is a time in ms and a number within it; a million entries a millisecond do not happen."""

_EXACT = 2**53
"""Lua's numbers are doubles."""


def position_of(stream_id: bytes) -> int:
    """Return a stream id as a position."""
    milliseconds, number = stream_id.split(b"-")
    return int(milliseconds) << _SEQUENCE_BITS | int(number)


def id_of(position: int) -> str:
    """Return a position as a stream id."""
    return f"{position >> _SEQUENCE_BITS}-{position & ((1 << _SEQUENCE_BITS) - 1)}"


def seconds(whole: bytes, micro: bytes) -> float:
    """Return Redis' TIME as seconds since the epoch."""
    return int(whole) + int(micro) / 1e6


def append(
    client: RedisClient, keys: ShardKeys, process: str, sequence: int, payload: bytes, limit_bytes: int
) -> Appended:
    """Append in one script; see `Store.append`."""
    if not 0 <= sequence < _EXACT:
        raise StoreRefused(f"sequence number {sequence}")
    args = (process, sequence, payload, limit_bytes, token_hex(16))
    outcome, epoch, waiting, *time = client.run("append", keys.guarded, args)
    if outcome == b"full":
        raise InboxFull(f"{waiting} bytes wait in {keys.inbox}")
    return Appended(epoch.decode(), seconds(*time), outcome == b"duplicate", int(waiting))


def entries(client: RedisClient, keys: ShardKeys, after: int, limit_bytes: int) -> list[Entry]:
    """Return what waits behind a position; see `Store.entries`."""
    return _entries(client.run("entries", (keys.inbox,), (id_of(after), limit_bytes)))


def _entries(rows: Iterable[tuple[bytes, bytes, bytes, bytes]]) -> list[Entry]:
    return [
        Entry(position_of(stream_id), process.decode(), int(sequence), payload)
        for stream_id, process, sequence, payload in rows
    ]


def waiting(client: RedisClient, keys: ShardKeys, limit_bytes: int) -> Waiting:
    """Return what a round of the drain begins with, in one script; see `Store.waiting`."""
    state, time, count, rows, known = client.run("waiting", keys.guarded, (token_hex(16), limit_bytes))
    at = Cursor(state[0].decode(), int(state[1]), int(state[2]))
    found = _entries(rows)
    if found and found[0].position <= at.position:
        # The script begins with the oldest, since Lua's numbers cannot hold the cursor. Here the records consumer lags.
        found = entries(client, keys, at.position, limit_bytes)
        drained = producers(client, keys, {entry.process for entry in found})
    else:
        drained = _producers((process.decode(), value) for process, value in known)
    return Waiting(at, found, drained, int(count), seconds(*time))


def trim(client: RedisClient, keys: ShardKeys, upto: int, epoch: str) -> int:
    """Delete entries up to a position; see `Store.trim`."""
    return int(client.run("trim", (keys.state, keys.inbox), (id_of(upto), id_of(upto + 1), epoch)))


def inbox_stats(client: RedisClient, keys: ShardKeys) -> InboxStats:
    """Return what waits; see `Store.inbox_stats`."""
    entries_waiting, size, oldest, *time = client.run("inbox_stats", keys.guarded)
    age = seconds(*time) - int(oldest.split(b"-")[0]) / 1000 if oldest else 0.0
    return InboxStats(int(entries_waiting), int(size), max(0.0, age))


def cursor(client: RedisClient, keys: ShardKeys) -> Cursor:
    """Return the metrics consumer's cursor, making the state if there is none."""
    epoch, position, offset = client.run("cursor", keys.guarded, (token_hex(16),))
    return Cursor(epoch.decode(), int(position), int(offset))


def producers(client: RedisClient, keys: ShardKeys, processes: Iterable[str]) -> dict[str, Producer]:
    """Return what the drain knows of processes."""
    names = sorted(set(processes))
    if not names:
        return {}
    found: list[bytes | None] = client.call("HMGET", keys.processes, *(f"d:{name}" for name in names))
    return _producers(zip(names, found, strict=True))


def _producers(found: Iterable[tuple[str, bytes | None]]) -> dict[str, Producer]:
    known: dict[str, Producer] = {}
    for name, value in found:
        if value:
            sequence, observations, _ = value.split()
            known[name] = Producer(name, int(sequence), int(observations))
    return known
