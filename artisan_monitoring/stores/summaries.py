"""What every store does with the summaries of a commit: which slots they fall into, and merging them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from ..core.histogram import Cell
from ..core.packing import Delta, NotABatch
from ..core.series import Series
from ..core.summary import Summary, is_summarised, pack_summary, summarise, unpack_summary
from .merging import UNREADABLE_CELL, UNSTORABLE, count_loss

Slot = tuple[str, int, int]
"""The id of a summary, and the start and width of a slot."""

_MARK = "s"


def summary_id(name: str) -> str:
    """Return the id under which a metric's summaries lie among the cells: no series has one like it."""
    return _MARK + blake2b(name.encode(), digest_size=8).hexdigest()[1:]


def is_summary(key: str) -> bool:
    """Tell the id of a summary from that of a series."""
    return key.startswith(_MARK)


def slots_of_summaries(deltas: Iterable[Delta]) -> list[Slot]:
    """Return the slots of summaries that deltas fall into, in order."""
    return sorted({_slot(delta) for delta in deltas if is_summarised(delta.series)})


def merged_summaries(taken: Iterable[Delta], known: Mapping[Slot, bytes], losses: dict[str, int]) -> dict[Slot, bytes]:
    """Return the summaries with the deltas that went into their cells merged in, packed.

    One whose sum fits no cell stays what it was, and is counted.
    """
    cells: dict[Slot, list[tuple[Series, Cell]]] = {}
    for delta in taken:
        if is_summarised(delta.series):
            cells.setdefault(_slot(delta), []).append((delta.series, delta.cell))
    packed: dict[Slot, bytes] = {}
    for slot in sorted(cells):
        summary = stored_summary(known[slot], losses) if slot in known else Summary()
        summary.merge(summarise(cells[slot]))
        try:
            packed[slot] = pack_summary(summary)
        except (struct.error, OverflowError):
            count_loss(losses, UNSTORABLE, 1)
    return packed


def stored_summary(packed: bytes, losses: dict[str, int]) -> Summary:
    """Return a stored summary; one that cannot be read starts anew, which is counted."""
    try:
        return unpack_summary(packed)
    except NotABatch:
        count_loss(losses, UNREADABLE_CELL, 1)
        return Summary()


def _slot(delta: Delta) -> Slot:
    return summary_id(delta.series.name), delta.start, delta.width
