"""How an hour that is over becomes small: its cells in one archive a series, at full resolution or coarsened."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.archive import Slot, pack_cells, unpack_cells
from ..core.histogram import COARSE_SCHEMA, Cell
from ..core.packing import NotABatch
from ..core.windows import TEN_MINUTES, floor
from .merging import UNREADABLE_CELL, count_loss


def pack_slots(slots: Iterable[Slot], *, coarse: bool) -> bytes | None:
    """Return slots as an archive, those of the same place merged; nothing if a sum fits no cell.

    Coarse: what is narrower than ten minutes is merged into ten minutes, and histograms get schema 4.
    """
    merged: dict[tuple[int, int], Cell] = {}
    for start, width, cell in slots:
        if coarse:
            cell.coarsen(COARSE_SCHEMA)
            if width < TEN_MINUTES:
                start, width = floor(start, TEN_MINUTES), TEN_MINUTES  # noqa: PLW2901  # the slot it goes into
        if (start, width) in merged:
            merged[start, width].merge(cell)
        else:
            merged[start, width] = cell
    try:
        return pack_cells([(start, width, merged[start, width]) for start, width in sorted(merged)])
    except OverflowError:
        return None


def archived_slots(packed: bytes, losses: dict[str, int]) -> list[Slot]:
    """Return the slots of an archive; one that cannot be read is counted and holds nothing."""
    try:
        return unpack_cells(packed)
    except NotABatch:
        count_loss(losses, UNREADABLE_CELL, 1)
        return []
