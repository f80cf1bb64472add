"""Slots of time: minutes, ten-minute slots, hours and days, all in UTC and in whole seconds since the epoch."""

from __future__ import annotations

MINUTE = 60
TEN_MINUTES = 600
HOUR = 3600
DAY = 86_400

FINE_FOR_S = DAY
"""How long one-minute buckets are kept before they are merged into ten-minute ones."""


def floor(moment: float, width_s: int) -> int:
    """Return the start of the slot of `width_s` seconds that holds `moment`."""
    return int(moment // width_s) * width_s


def clamp_minute(minute: int, now: float) -> tuple[int, bool]:
    """Return the slot start under which a delta for `minute` is kept at the store's time `now`, and whether it moved.

    A minute more than two minutes ahead becomes the current one; one more than 24 hours old goes to its hour, since
    its one-minute buckets have been merged already.
    """
    if minute > now + 2 * MINUTE:
        return floor(now, MINUTE), True
    if minute < now - FINE_FOR_S:
        return floor(minute, HOUR), minute % HOUR != 0
    return minute, False


def step_for(start: float, end: float, points: int) -> int:
    """Return the width, in whole minutes, at which a window makes at most `points` slots."""
    minutes = max(1, -(-int(end - start) // (points * MINUTE)))
    for nice in (1, 2, 5, 6, 10, 12, 15, 20, 24, 30, 60, 120, 168, 180, 240, 360, 720, 1440):
        if nice >= minutes:
            return nice * MINUTE
    return minutes * MINUTE
