"""Cells of chosen series over a window, by slot and by group, from whichever of roll-ups and cells is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..core.histogram import Cell
from ..core.series import Series
from ..core.windows import floor
from ..stores import get_store
from . import rollups
from .traffic import affordable, rolled_hours, stretches_of
from .windows import Span

Group = tuple[str, ...]
GroupOf = Callable[[Series], Group]


@dataclass(slots=True)
class History:
    """Cells by group and by the start of their slot. `hours_left_out` would have cost too much to read."""

    span: Span
    as_of: float
    times: Sequence[int]
    groups: dict[Group, dict[int, Cell]] = field(default_factory=dict)
    hours_left_out: int = 0

    def add(self, group: Group, start: int, cell: Cell) -> None:
        """Count a cell, which is taken over, in its group's slot."""
        slots = self.groups.setdefault(group, {})
        slot = floor(start, self.span.step_s)
        if slot in slots:
            slots[slot].merge(cell)
        else:
            slots[slot] = cell

    def total(self, group: Group) -> Cell:
        """Return one cell over the whole window, empty for an unknown group."""
        total = Cell()
        for cell in self.groups.get(group, {}).values():
            total.merge(cell)
        return total

    def slots(self) -> dict[int, Cell]:
        """Return one cell a slot, over all groups."""
        merged: dict[int, Cell] = {}
        for slots in self.groups.values():
            for start, cell in slots.items():
                merged.setdefault(start, Cell()).merge(cell)
        return merged


def history(series: Sequence[Series], span: Span, group_of: GroupOf) -> History:
    """Return the cells of some series of one metric; raise `StoreUnavailable` or a database error."""
    store = get_store()
    now = store.now()
    rolled = rolled_hours(span, now, store.dirty_hours())
    wanted = stretches_of(span.slots(now), rolled, now)
    chosen = affordable(wanted, len(series), now)
    found = History(span, now, list(span.slots(now)), hours_left_out=len(wanted) - len(chosen))
    groups = {each.id: group_of(each) for each in series}
    for series_id, start, cell in _cells(series, rolled, chosen):
        cell.classic = None
        found.add(groups[series_id], start, cell)
    return found


def _cells(
    series: Sequence[Series], rolled: rollups.Rolled, stretches: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, int, Cell]]:
    ids = [each.id for each in series]
    if not ids:
        return
    yield from rollups.series_cells(series[0].name, ids, rolled)
    for start, end in stretches:
        for bucket in get_store().buckets(ids, start, end):
            yield bucket.series_id, bucket.start, bucket.cell
