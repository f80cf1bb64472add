"""How an hour that is over becomes small: its cells in one archive a series, at full resolution or coarsened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..core.archive import Slot, pack_cells, unpack_cells
from ..core.histogram import COARSE_SCHEMA, Cell
from ..core.packing import NotABatch
from ..core.summary import Summary, pack_summaries, unpack_summaries
from ..core.windows import HOUR, TEN_MINUTES, floor
from .merging import UNREADABLE_CELL, count_loss, stored_cell
from .summaries import is_summary, stored_summary

Kept = TypeVar("Kept", Cell, Summary)


@dataclass(frozen=True, slots=True)
class _Form(Generic[Kept]):
    """How one of what is kept is read, and how many are read and written together."""

    read: Callable[[bytes, dict[str, int]], Kept]
    unpack: Callable[[bytes], list[tuple[int, int, Kept]]]
    pack: Callable[[Sequence[tuple[int, int, Kept]]], bytes]


_CELLS = _Form(stored_cell, unpack_cells, pack_cells)
_SUMMARIES = _Form(stored_summary, unpack_summaries, pack_summaries)


def repacked(
    key: str,
    hour: int,
    ones: Iterable[tuple[int, int, bytes]],
    archives: Iterable[bytes],
    losses: dict[str, int],
    *,
    coarse: bool,
) -> tuple[bytes | None, int]:
    """Return what lies under an id as one archive, and how many cells or summaries of the hour went in.

    That is slots of their own (start, width, packed) and older archives, those of the same place merged. Coarse: what
    is narrower than ten minutes is merged into ten minutes, and histograms get schema 4. Nothing if a sum fits no cell.
    """
    if is_summary(key):
        return _repacked(hour, ones, archives, losses, _SUMMARIES, coarse=coarse)
    return _repacked(hour, ones, archives, losses, _CELLS, coarse=coarse)


def _repacked(
    hour: int,
    ones: Iterable[tuple[int, int, bytes]],
    archives: Iterable[bytes],
    losses: dict[str, int],
    form: _Form[Kept],
    *,
    coarse: bool,
) -> tuple[bytes | None, int]:
    slots = [(start, width, form.read(packed, losses)) for start, width, packed in ones]
    for packed in archives:
        slots += _unpacked(packed, losses, form)
    archive = _packed(slots, form, coarse=coarse) if slots else None
    return archive, 0 if archive is None else sum(hour <= start < hour + HOUR for start, _, _ in slots)


def _packed(slots: Iterable[tuple[int, int, Kept]], form: _Form[Kept], *, coarse: bool) -> bytes | None:
    merged: dict[tuple[int, int], Kept] = {}
    for start, width, kept in slots:
        if coarse:
            kept.coarsen(COARSE_SCHEMA)
            if width < TEN_MINUTES:
                start, width = floor(start, TEN_MINUTES), TEN_MINUTES  # noqa: PLW2901  # the slot it goes into
        if (start, width) in merged:
            merged[start, width].merge(kept)
        else:
            merged[start, width] = kept
    try:
        return form.pack([(start, width, merged[start, width]) for start, width in sorted(merged)])
    except OverflowError:
        return None


def _unpacked(packed: bytes, losses: dict[str, int], form: _Form[Kept]) -> list[tuple[int, int, Kept]]:
    try:
        return form.unpack(packed)
    except NotABatch:
        count_loss(losses, UNREADABLE_CELL, 1)
        return []


def archived_slots(packed: bytes, losses: dict[str, int]) -> list[Slot]:
    """Return the slots of an archive of cells; one that cannot be read is counted and holds nothing."""
    return _unpacked(packed, losses, _CELLS)


def archived_summaries(packed: bytes, losses: dict[str, int]) -> list[tuple[int, int, Summary]]:
    """Return the slots of an archive of summaries; one that cannot be read is counted and holds nothing."""
    return _unpacked(packed, losses, _SUMMARIES)
