"""How cells and batches become bytes, and back.

A cell is a fixed little-endian header followed by its bins, classic counts and exemplars. A batch is `AM1`, one byte
(`r` raw, `z` zlib), and then: the length of a JSON head (4 bytes), the head, the cells one after the other.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct, error
from typing import Any, NamedTuple

from .histogram import Cell
from .series import Series, series_from_text

_HEAD = Struct("<BBbqdddqddHH")
_VERSION = 1
_HAS_BINS, _WIDE, _HAS_EXEMPLARS = 1, 2, 4
_NARROW_MAX = 0xFFFFFFFF
_COMPRESS_ABOVE = 1024
_MAGIC = b"AM1"
_LENGTH = Struct("<I")
_UNREADABLE = (error, ValueError, TypeError, OverflowError, RecursionError)
"""What foreign bytes make of unpacking them; no other may get through, or one entry would stop the drain for good."""


class NotABatch(ValueError):
    """The bytes are not a packed batch or cell of a version this code reads."""


@lru_cache(maxsize=1024)
def _layout(bins: int, classic: int, wide: bool) -> Struct:
    counts = "Q" if wide else "I"
    return Struct(f"<{bins}i{bins}{counts}{classic}{counts}")


def pack_cell(cell: Cell) -> bytes:
    """Return a cell as bytes: 60 of head, 8 a bin, 4 a classic bucket."""
    bins, classic = cell.bins, cell.classic or ()
    flags = 0
    body = b""
    if bins is not None:
        # The count bounds every bin, so one look at it tells whether 32 bits hold them all.
        wide = cell.count > _NARROW_MAX
        flags = _HAS_BINS | (_WIDE if wide else 0)
        body = _layout(len(bins), len(classic), wide).pack(*bins, *bins.values(), *classic)
    if cell.exemplars:
        flags |= _HAS_EXEMPLARS
        body += json.dumps(list(cell.exemplars.items()), separators=(",", ":")).encode()
    head = _HEAD.pack(
        _VERSION, flags, cell.schema, cell.count, cell.sum, cell.min, cell.max, cell.zero,
        cell.last, cell.last_at, len(bins or ()), len(classic),
    )  # fmt: skip
    return head + body


def unpack_cell(packed: bytes) -> Cell:
    """Return the cell that `pack_cell` packed; raise `NotABatch` for anything else."""
    cell = Cell()
    try:
        (version, flags, cell.schema, cell.count, cell.sum, cell.min, cell.max, cell.zero,
         cell.last, cell.last_at, bins, classic) = _HEAD.unpack_from(packed)  # fmt: skip
        if version != _VERSION:
            raise NotABatch(f"cell of version {version}")
        offset = _HEAD.size
        if flags & _HAS_BINS:
            layout = _layout(bins, classic, bool(flags & _WIDE))
            numbers = layout.unpack_from(packed, offset)
            cell.bins = dict(zip(numbers[:bins], numbers[bins : 2 * bins], strict=True))
            cell.classic = list(numbers[2 * bins :])
            offset += layout.size
        if flags & _HAS_EXEMPLARS:
            cell.exemplars = {slot: (value, at, attrs) for slot, (value, at, attrs) in json.loads(packed[offset:])}
    except _UNREADABLE as exc:
        raise NotABatch(f"not a cell: {exc}") from exc
    return cell


class Delta(NamedTuple):
    """What one process adds to one series in one slot of `width` seconds that begins at `start`."""

    series: Series
    start: int
    width: int
    cell: Cell


@dataclass(slots=True)
class Batch:
    """What one process sends to one shard at once.

    `observations` is how many observations and records it holds, `observations_before` how many the process had sent
    to this shard before: a gap between the two, as the drain sees them, is the exact size of a loss. `epoch` is the
    store's as the process last saw it, empty on its first batch.
    """

    process: str
    sequence: int
    shard: int = 0
    epoch: str = ""
    created_at: float = 0.0
    observations: int = 0
    observations_before: int = 0
    deltas: list[Delta] = field(default_factory=list)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def _nothing() -> None:
    pass


def pack_batch(batch: Batch, breathe: Callable[[], None] = _nothing) -> bytes:
    """Return the batch as bytes; raise `ValueError` or `TypeError` where a record is not JSON.

    `breathe` is called now and then, so that a background thread can yield.
    """
    series: dict[str, int] = {}
    definitions: list[str] = []
    index: list[tuple[int, int, int, int]] = []
    cells: list[bytes] = []
    for delta in batch.deltas:
        number = series.setdefault(delta.series.id, len(series))
        if number == len(definitions):
            definitions.append(delta.series.text)
        packed = pack_cell(delta.cell)
        index.append((number, delta.start, delta.width, len(packed)))
        cells.append(packed)
        breathe()
    head = _dumps({
        "process": batch.process, "sequence": batch.sequence, "shard": batch.shard, "epoch": batch.epoch,
        "created_at": batch.created_at, "observations": batch.observations,
        "observations_before": batch.observations_before,
        "series": definitions, "cells": index, "records": batch.records,
    })  # fmt: skip
    body = b"".join((_LENGTH.pack(len(head)), head, *cells))
    if len(body) > _COMPRESS_ABOVE:
        return _MAGIC + b"z" + zlib.compress(body, 1)
    return _MAGIC + b"r" + body


def unpack_batch(packed: bytes, *, with_deltas: bool = True) -> Batch:
    """Return the batch that `pack_batch` packed, with or without its deltas; raise `NotABatch` for anything else."""
    if packed[:3] != _MAGIC:
        raise NotABatch("unknown beginning")
    try:
        body = zlib.decompress(packed[4:]) if packed[3:4] == b"z" else bytes(packed[4:])
        (length,) = _LENGTH.unpack_from(body)
        head = json.loads(body[4 : 4 + length])
        deltas = []
        if with_deltas:
            series = [series_from_text(each) for each in head["series"]]
            deltas = _unpack_deltas(series, head["cells"], body, 4 + length)
        return Batch(
            process=str(head["process"]), sequence=int(head["sequence"]), shard=int(head["shard"]),
            epoch=str(head["epoch"]), created_at=float(head["created_at"]), observations=int(head["observations"]),
            observations_before=int(head["observations_before"]), deltas=deltas, records=_records(head["records"]),
        )  # fmt: skip
    except NotABatch:
        raise
    except (*_UNREADABLE, zlib.error, LookupError, AttributeError) as exc:
        raise NotABatch(f"not a batch: {exc}") from exc


def _unpack_deltas(series: Sequence[Series], index: Iterable[Sequence[int]], body: bytes, offset: int) -> list[Delta]:
    deltas = []
    for number, start, width, length in index:
        if not (type(start) is type(width) is int):
            raise NotABatch("slots are not whole seconds")
        deltas.append(Delta(series[number], start, width, unpack_cell(body[offset : offset + length])))
        offset += length
    return deltas


def _records(parts: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    if not all(isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in parts.values()):
        raise NotABatch("records are not lists of objects")
    return dict(parts)


def _dumps(head: dict[str, object]) -> bytes:
    return json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
