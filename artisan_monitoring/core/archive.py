"""Many cells of one series as few bytes: column by column, compressed. How an hour is kept once it is over.

The format is `AC1` and then zlib over 14 columns in the order of `_COLUMNS`, each as a type code of Python's `array`,
the number of its elements (4 bytes) and its elements. All is little-endian; the bytes of numbers wider than one are
transposed (all first bytes, all second bytes, ...), so that those that hardly change stand together. A cell's bins are
the first index, the gaps between indexes, and the counts. Last comes the exemplars' JSON.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from struct import Struct, error
from typing import TypeAlias, cast

from .histogram import Cell
from .packing import NotABatch

Slot: TypeAlias = tuple[int, int, Cell]
"""Start and width of a slot in seconds, and its cell."""

_MAGIC = b"AC1"
_COLUMN = Struct("<cI")
_NO_BINS = 0xFFFF
_COLUMNS = ("start", "width", "count", "sum", "min", "max", "zero", "last", "last_at", "schema")


def pack_cells(slots: Sequence[Slot]) -> bytes:
    """Return slots as bytes: about 100 a cell of 150 bins, and 20 a counter's; raise `OverflowError` beyond 64 bits."""
    cells = [cell for _, _, cell in slots]
    firsts = array("q")
    gaps: list[int] = []
    counts: list[int] = []
    classic: list[int] = []
    sizes: list[int] = []
    for cell in cells:
        bins = sorted((cell.bins or {}).items())
        indexes = [index for index, _ in bins]
        sizes += (_NO_BINS if cell.bins is None else len(bins), len(cell.classic or ()))
        firsts.extend(indexes[:1])
        gaps += [after - before for before, after in pairwise(indexes)]
        counts += [count for _, count in bins]
        classic += cell.classic or ()
    exemplars = {at: list(cell.exemplars.items()) for at, cell in enumerate(cells) if cell.exemplars}
    columns: list[array[int] | array[float]] = [
        array("q", (start for start, _, _ in slots)),
        _unsigned([width for _, width, _ in slots]),
        array("q", (cell.count for cell in cells)),
        *(array("d", (getattr(cell, name) for cell in cells)) for name in ("sum", "min", "max")),
        array("q", (cell.zero for cell in cells)),
        *(array("d", (getattr(cell, name) for cell in cells)) for name in ("last", "last_at")),
        array("b", (cell.schema for cell in cells)),
        *(_unsigned(numbers) for numbers in (sizes, gaps, counts, classic)),
        firsts,
    ]
    tail = json.dumps(exemplars, separators=(",", ":")).encode() if exemplars else b""
    return _MAGIC + zlib.compress(b"".join(map(_column, columns)) + tail, 6)


def _unsigned(numbers: list[int]) -> array[int]:
    """Return numbers >= 0 as the narrowest array that holds them."""
    most = max(numbers, default=0)
    code = "B" if most < 1 << 8 else "H" if most < 1 << 16 else "I" if most < 1 << 32 else "Q"
    return array(code, numbers)


def _column(numbers: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    raw, width = numbers.tobytes(), numbers.itemsize
    if width > 1:
        raw = b"".join(raw[at::width] for at in range(width))
    return _COLUMN.pack(numbers.typecode.encode(), len(numbers)) + raw


def unpack_cells(packed: bytes) -> list[Slot]:
    """Return what `pack_cells` packed; raise `NotABatch` for anything else."""
    if packed[: len(_MAGIC)] != _MAGIC:
        raise NotABatch("not an archive of cells")
    try:
        raw = zlib.decompress(packed[len(_MAGIC) :])
        columns: list[Sequence[float]] = []
        offset = 0
        for _ in range(len(_COLUMNS) + 5):
            numbers, offset = _read_column(raw, offset)
            columns.append(numbers)
        return list(_cells(columns, json.loads(raw[offset:] or b"{}")))
    except (zlib.error, error, ValueError, TypeError, KeyError, IndexError, StopIteration, RuntimeError) as exc:
        raise NotABatch(f"not an archive of cells: {exc}") from exc


def _read_column(raw: bytes, offset: int) -> tuple[Sequence[float], int]:
    code, length = _COLUMN.unpack_from(raw, offset)
    numbers: array[float] = array(code.decode())
    width = numbers.itemsize
    offset += _COLUMN.size
    end = offset + length * width
    column = raw[offset:end]
    if len(column) != length * width:
        raise ValueError("cut short")
    if width > 1:
        plain = bytearray(len(column))
        for at in range(width):
            plain[at::width] = column[at * length : (at + 1) * length]
        column = bytes(plain)
    numbers.frombytes(column)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist(), end


def _cells(
    columns: list[Sequence[float]], exemplars: dict[str, list[tuple[int, tuple[float, float, dict[str, str]]]]]
) -> Iterator[Slot]:
    sizes, gaps, counts, classic, firsts = cast("list[list[int]]", columns[-5:])  # written from whole numbers
    first, gap_at, count_at, classic_at = iter(firsts), 0, 0, 0
    for at, (start, width, count, total, low, high, zero, last, last_at, schema) in enumerate(
        zip(*columns[: len(_COLUMNS)], strict=True)
    ):
        cell = Cell()
        cell.count, cell.sum, cell.min, cell.max, cell.zero = int(count), total, low, high, int(zero)
        cell.last, cell.last_at, cell.schema = last, last_at, int(schema)
        bins, bounds = sizes[2 * at], sizes[2 * at + 1]
        if bins != _NO_BINS:
            indexes = accumulate(gaps[gap_at : gap_at + bins - 1], initial=next(first)) if bins else ()
            cell.bins = dict(zip(indexes, counts[count_at : count_at + bins], strict=True))
            cell.classic = classic[classic_at : classic_at + bounds]
            gap_at += max(0, bins - 1)
            count_at += bins
            classic_at += bounds
        for slot, (value, when, attributes) in exemplars.get(str(at), ()):
            cell.exemplars = cell.exemplars or {}
            cell.exemplars[slot] = (value, when, attributes)
        yield int(start), int(width), cell
