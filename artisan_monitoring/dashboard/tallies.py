"""What requests add up to: by slot of time for the charts, by route for the table."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.histogram import Cell, WideCell


@dataclass(slots=True)
class Slot:
    """The requests of one slot; `failed` of them were answered with 500 or above."""

    cell: Cell = field(default_factory=WideCell)
    failed: int = 0


@dataclass(slots=True)
class Route:
    """The requests of one route. `cell` is filled for those that are shown; `count` and `time_s` are of all."""

    route: str
    count: int = 0
    failed: int = 0
    time_s: float = 0.0
    cell: Cell = field(default_factory=WideCell)


@dataclass(slots=True)
class Tally:
    """Slots by their start, routes by name."""

    slots: dict[int, Slot] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)

    def slot(self, start: int) -> Slot:
        """Return a slot, made now if there was none."""
        found = self.slots.get(start)
        if found is None:
            found = self.slots[start] = Slot()
        return found

    def route(self, name: str) -> Route:
        """Return a route, made now if there was none."""
        found = self.routes.get(name)
        if found is None:
            found = self.routes[name] = Route(name)
        return found

    def total(self) -> Slot:
        """Return all of it as one slot."""
        total = Slot()
        for slot in self.slots.values():
            total.cell.merge(slot.cell)
            total.failed += slot.failed
        return total

    def longest(self, number: int) -> list[Route]:
        """Return the routes on which most time was spent, most first."""
        return sorted(self.routes.values(), key=lambda each: (-each.time_s, each.route))[:number]


def failed(status: str) -> bool:
    """Tell whether a status counts as a failure: 500 and above, as `/health/metrics` and the alerts have it."""
    return status.startswith("5")
