"""Cells of chosen series over a window, by slot and by group, from whichever of roll-ups and cells is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..core.histogram import Cell, WideCell
from ..core.series import Series
from ..core.windows import floor
from ..stores import get_store
from . import rollups
from .pieces import rolled_hours, stretches_of
from .rollups import Rolled
from .traffic import affordable
from .windows import Span

Group = tuple[str, ...]
GroupOf = Callable[[Series], Group]

ROWS_AT_MOST = 30_000
"""Roll-ups read one series by one; half a second of work."""


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
            slots[slot] = WideCell.of(cell)

    def total(self, group: Group) -> Cell:
        """Return one cell over the whole window, empty for an unknown group."""
        total = WideCell()
        for cell in self.groups.get(group, {}).values():
            total.merge(cell)
        return total

    def slots(self) -> dict[int, Cell]:
        """Return one cell a slot, over all groups."""
        merged: dict[int, Cell] = {}
        for slots in self.groups.values():
            for start, cell in slots.items():
                merged.setdefault(start, WideCell()).merge(cell)
        return merged


def history(
    series: Sequence[Series],
    span: Span,
    group_of: GroupOf,
    *,
    merged_by: str | None = None,
    biggest: int = 0,
    other: Group = (),
) -> History:
    """Return the cells of some series of one metric; raise `StoreUnavailable` or a database error.

    `merged_by` says that these are all series of the metric, grouped by that tag (or by none), so that the totals kept
    in the roll-ups serve. With `biggest` only so many groups are kept apart, those with the most observations in the
    window, and the rest is `other`: the cells are then read twice, since all groups together may not fit in memory.
    """
    window = _Window(series, span, merged_by)
    found = History(span, window.now, list(span.slots(window.now)), hours_left_out=window.left_out)
    groups = {each.id: group_of(each) for each in series}
    kept = set(groups.values())
    if biggest and len(kept) > biggest:
        kept = window.biggest(groups, biggest)
    for group, start, cell in window.cells(groups):
        cell.classic = None
        found.add(group if group in kept else other, start, cell)
    return found


class _Window:
    """What is to be read of a window: hours from roll-ups, stretches from cells, the newest as far as is affordable."""

    def __init__(self, series: Sequence[Series], span: Span, merged_by: str | None) -> None:
        self._store, self._series, self._merged_by = get_store(), series, merged_by
        self.now = now = self._store.now()
        rolled = rolled_hours(span, now, self._store.dirty_hours())
        stretches = stretches_of(span.slots(now), rolled, now)
        self._stretches = affordable(stretches, len(series), now)
        hours = sorted(rolled.hours, reverse=True)
        if merged_by is None:
            hours = hours[: max(1, ROWS_AT_MOST // max(1, len(series)))]
        self._rolled = Rolled(frozenset(hours))
        self.left_out = len(stretches) - len(self._stretches) + len(rolled.hours) - len(hours)

    def cells(self, groups: dict[str, Group]) -> Iterator[tuple[Group, int, Cell]]:
        """Yield every cell as (group, start, cell)."""
        if not self._series:
            return
        one, ids = self._series[0], list(groups)
        if self._merged_by is None:
            for series_id, start, cell in rollups.series_cells(one.name, one.kind, ids, self._rolled):
                yield groups[series_id], start, cell
        else:
            merged = rollups.merged_cells(one.name, one.kind, one.unit, self._merged_by, self._rolled)
            yield from (((value,) if self._merged_by else (), start, cell) for value, start, cell in merged)
        for start, end in self._stretches:
            for bucket in self._store.buckets(ids, start, end):
                yield groups[bucket.series_id], bucket.start, bucket.cell

    def biggest(self, groups: dict[str, Group], number: int) -> set[Group]:
        """Return the groups with the most observations."""
        counts: dict[Group, int] = {}
        for group, _, cell in self.cells(groups):
            counts[group] = counts.get(group, 0) + cell.count
        return set(sorted(counts, key=lambda group: (-counts[group], group))[:number])
