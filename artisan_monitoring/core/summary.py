"""Summaries: what all series of a metric came to in one slot, as one merged cell and as two columns over the series.

They are kept beside the cells for what pages show of all series at once. A minute of 500 series is one record to read
instead of 500: the chart takes its cell, and tables by any tag take the columns.

A packed summary is `SM1`, the lengths of its cell and of its columns, the cell, and the columns: ids (8 bytes), counts
(8) and sums (8). An archive of an hour is `SA1` and, compressed, an archive of the cells and the columns over all ids
of the hour, slot after slot, their bytes transposed (see `archive`). All is little-endian.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from operator import add
from struct import Struct, error
from typing import Any, TypeAlias, TypeVar

from .archive import pack_cells, unpack_cells
from .histogram import Cell, WideCell
from .packing import NotABatch, pack_cell, unpack_cell
from .series import Series

SUMMARISED = frozenset({("http.server.request.duration", "distribution")})
"""The metrics, by name and kind, that a page shows over all of their series at once."""

SERIES_AT_MOST = 5000
OTHERS = 0
"""The id under which the columns count series beyond the most there may be; the cell has them like any other."""

_ONE, _MANY = b"SM1", b"SA1"
_LENGTHS = Struct("<II")
_UNREADABLE = (error, zlib.error, ValueError, TypeError, OverflowError, MemoryError)


class Summary:
    """One cell over all series, and `counts` and `sums` of the series whose numbers are `ids`, in ascending order."""

    __slots__ = ("_sums", "cell", "counts", "ids")

    def __init__(
        self,
        cell: Cell | None = None,
        ids: tuple[int, ...] = (),
        counts: Sequence[int] = (),
        sums: Sequence[float] | Callable[[], Sequence[float]] = (),
    ) -> None:
        self.cell = WideCell.of(cell or Cell())
        self.ids = ids
        self.counts = counts
        self._sums = sums

    @property
    def sums(self) -> Sequence[float]:
        """Return the sums. Out of an archive they are made on the first call: a chart has no use for them."""
        if callable(self._sums):
            self._sums = self._sums()
        return self._sums

    @sums.setter
    def sums(self, sums: Sequence[float]) -> None:
        self._sums = sums

    def coarsen(self, schema: int) -> None:
        """Coarsen the cell's histogram; the columns have none."""
        self.cell.coarsen(schema)

    def merge(self, other: Summary) -> None:
        """Add another summary of the same metric, which is left as it is."""
        merge_bare(self.cell, other.cell)
        if self.ids == other.ids:
            self.counts = list(map(add, self.counts, other.counts))
            self.sums = list(map(add, self.sums, other.sums))
            return
        columns = {number: (count, sum_) for number, count, sum_ in zip(self.ids, self.counts, self.sums, strict=True)}
        for number, count, sum_ in zip(other.ids, other.counts, other.sums, strict=True):
            if number not in columns and len(columns) >= SERIES_AT_MOST:
                number = OTHERS  # noqa: PLW2901  # where it is counted
            mine = columns.get(number, (0, 0.0))
            columns[number] = mine[0] + count, mine[1] + sum_
        self._set(columns)

    def _set(self, columns: dict[int, tuple[int, float]]) -> None:
        self.ids = tuple(sorted(columns))
        self.counts = [columns[number][0] for number in self.ids]
        self.sums = [columns[number][1] for number in self.ids]


def is_summarised(series: Series) -> bool:
    """Tell whether a series counts in a summary."""
    return (series.name, series.kind) in SUMMARISED


def summarise(cells: Sequence[tuple[Series, Cell]]) -> Summary:
    """Return the summary of cells of one metric, which are left as they are."""
    made, columns = Summary(), dict[int, tuple[int, float]]()
    for series, cell in cells:
        merge_bare(made.cell, cell)
        number = int(series.id, 16)
        if number not in columns and len(columns) >= SERIES_AT_MOST:
            number = OTHERS
        count, sum_ = columns.get(number, (0, 0.0))
        columns[number] = count + cell.count, sum_ + cell.sum
    made._set(columns)
    return made


def merge_bare(into: Cell, cell: Cell) -> None:
    """Merge a cell without its classic buckets and exemplars, and leave it as it is."""
    if cell.bins is not None:
        if into.bins is None:
            into.bins, into.schema = {}, cell.schema
        if cell.schema > into.schema:
            cell = cell.copy()
    into.merge(cell)
    into.exemplars = None


def pack_summary(summary: Summary) -> bytes:
    """Return a summary as bytes: its cell, and 24 a series; raise `OverflowError` or `struct.error` beyond 64 bits."""
    cell = pack_cell(summary.cell)
    columns = _bytes(array("Q", summary.ids)) + _bytes(array("Q", summary.counts)) + _bytes(array("d", summary.sums))
    return b"".join((_ONE, _LENGTHS.pack(len(cell), len(summary.ids)), cell, columns))


def unpack_summary(packed: bytes) -> Summary:
    """Return what `pack_summary` packed; raise `NotABatch` for anything else."""
    if packed[: len(_ONE)] != _ONE:
        raise NotABatch("not a summary")
    try:
        cell_bytes, series = _LENGTHS.unpack_from(packed, len(_ONE))
        at = len(_ONE) + _LENGTHS.size
        cell = unpack_cell(packed[at : at + cell_bytes])
        at += cell_bytes
        ids, counts = (_array("Q", packed[at + 8 * series * n : at + 8 * series * (n + 1)], series) for n in (0, 1))
        sums = _array("d", packed[at + 16 * series :], series)
    except _UNREADABLE as exc:
        raise NotABatch(f"not a summary: {exc}") from exc
    return Summary(cell, tuple(ids), counts.tolist(), sums.tolist())


def pack_summaries(slots: Sequence[tuple[int, int, Summary]]) -> bytes:
    """Return the summaries of an hour as bytes; raise `OverflowError` beyond 64 bits."""
    cells = pack_cells([(start, width, summary.cell) for start, width, summary in slots])
    ids = tuple(sorted({number for *_, summary in slots for number in summary.ids}))
    counts, sums = array("Q"), array("d")
    for *_, summary in slots:
        counts.extend(_over(ids, summary.ids, summary.counts, 0))
        sums.extend(_over(ids, summary.ids, summary.sums, 0.0))
    body = (_LENGTHS.pack(len(cells), len(ids)), cells, _bytes(array("Q", ids)), _transposed(counts), _transposed(sums))
    # Sums hardly compress at any level, and counts as well at the first.
    return _MANY + zlib.compress(b"".join(body), 1)


def unpack_summaries(packed: bytes) -> list[tuple[int, int, Summary]]:
    """Return what `pack_summaries` packed, all with the same ids; raise `NotABatch` for anything else."""
    if packed[: len(_MANY)] != _MANY:
        raise NotABatch("not an archive of summaries")
    try:
        raw = zlib.decompress(packed[len(_MANY) :])
        cell_bytes, series = _LENGTHS.unpack_from(raw)
        at = _LENGTHS.size + cell_bytes
        cells = unpack_cells(raw[_LENGTHS.size : at])
        ids = tuple(_array("Q", raw[at : at + 8 * series], series))
        at += 8 * series
        all_of_them = len(cells) * series
        counts = _array("Q", _plain(raw[at : at + 8 * all_of_them]), all_of_them)
        sums = _LateColumn(raw[at + 8 * all_of_them :], all_of_them)
    except _UNREADABLE as exc:
        raise NotABatch(f"not an archive of summaries: {exc}") from exc
    rows = [slice(n * series, (n + 1) * series) for n in range(len(cells))]
    return [
        (start, width, Summary(cell, ids, counts[row], partial(sums.row, row)))
        for row, (start, width, cell) in zip(rows, cells, strict=True)
    ]


class _LateColumn:
    """The sums of an archive, decoded when one of its slots is asked for them."""

    def __init__(self, raw: bytes, length: int) -> None:
        if len(raw) != 8 * length:
            raise ValueError("cut short")
        self._raw, self._length = raw, length

    @cached_property
    def _column(self) -> array[Any]:
        return _array("d", _plain(self._raw), self._length)

    def row(self, place: slice) -> Sequence[float]:
        """Return a slot's sums."""
        return self._column[place]


Number = TypeVar("Number", int, float)
Column: TypeAlias = "array[int] | array[float]"


def _over(ids: tuple[int, ...], known: tuple[int, ...], values: Sequence[Number], nothing: Number) -> Sequence[Number]:
    """Return a column over `ids`, with `nothing` for those it lacks."""
    if ids == known:
        return values
    there = dict(zip(known, values, strict=True))
    return [there.get(number, nothing) for number in ids]


def _bytes(column: Column) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _array(code: str, raw: bytes, length: int) -> array[Any]:
    column: array[Any] = array(code)
    column.frombytes(raw[: length * column.itemsize])
    if len(column) != length:
        raise ValueError("cut short")
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _transposed(column: Column) -> bytes:
    raw = _bytes(column)
    return b"".join(raw[at::8] for at in range(8))


def _plain(transposed: bytes) -> bytes:
    length = len(transposed) // 8
    plain = bytearray(8 * length)
    for at in range(8):
        plain[at::8] = transposed[at * length : (at + 1) * length]
    return bytes(plain)
