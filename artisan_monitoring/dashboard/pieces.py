"""How a window is cut: the hours that roll-ups speak for, and the stretches between them that the store has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..core.windows import HOUR, floor
from .rollups import Rolled
from .windows import Span


def rolled_hours(span: Span, now: float, dirty: Mapping[int, int]) -> Rolled:
    """Return the hours to be read from roll-ups: closed, and not written to since they were rolled up."""
    if not span.hourly:
        return Rolled(frozenset())
    return Rolled(frozenset(hour for hour in span.hours(now) if _is_rolled(hour, now, dirty)))


def _is_rolled(hour: int, now: float, dirty: Mapping[int, int]) -> bool:
    return hour + HOUR <= now and hour not in dirty


def stretches_of(slots: range, rolled: Rolled, now: float) -> list[tuple[int, int]]:
    """Return the rest of the window, hour by hour: a piece's cells are few enough to be read at once."""
    hours = range(floor(slots.start, HOUR), min(floor(now, HOUR) + HOUR, slots.stop), HOUR)
    return [(max(hour, slots.start), min(hour + HOUR, slots.stop)) for hour in hours if hour not in rolled.hours]


def whole_hours(stretches: Sequence[tuple[int, int]], rolled: Rolled, now: float, dirty: Mapping[int, int]) -> Rolled:
    """Return the hours that roll-ups can speak for of those that are read, whatever the width of the slots."""
    more = {
        start for start, end in stretches if end - start == HOUR and start % HOUR == 0 and _is_rolled(start, now, dirty)
    }
    return Rolled(rolled.hours | more)


def joined(stretches: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches, those that follow one another as one."""
    begin: int | None = None
    for at, (start, end) in enumerate(stretches):
        begin = start if begin is None else begin
        if at + 1 == len(stretches) or stretches[at + 1][0] != end:
            yield begin, end
            begin = None
