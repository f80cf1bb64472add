"""When a check's standing changes: not at the first bad reading, so that one lost packet wakes nobody."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """What a check is held to be, since when (seconds since the epoch), and how many readings in a row disagree.

    `against` is positive while readings are worse than the standing, negative while they are better.
    """

    status: Status
    since: float
    against: int = 0


def step(standing: Standing | None, reading: Status, now: float, *, fail_after: int, recover_after: int) -> Standing:
    """Return the standing after one more reading. The first reading of all is believed at once."""
    if standing is None:
        return Standing(reading, now)
    if reading is standing.status:
        return Standing(standing.status, standing.since)
    if reading.rank > standing.status.rank:
        against = max(0, standing.against) + 1
        needed = fail_after
    else:
        against = min(0, standing.against) - 1
        needed = recover_after
    if abs(against) >= needed:
        return Standing(reading, now)
    return Standing(standing.status, standing.since, against)
