"""Numbers as a person reads them: counts, shares, durations, sizes, ages."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "–"


def count(value: float | None) -> str:
    """Return a number of things: 948, 12,345, 1.2 M."""
    if value is None:
        return NOTHING
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    for divisor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= divisor:
            return f"{value / divisor:,.1f} {letter}"
    return f"{value:,.0f}"


def number(value: float | None) -> str:
    """Return a value of unknown size with about three digits that matter."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return NOTHING
    size = abs(value)
    if size >= 100_000:
        return count(value)
    return f"{value:,.0f}" if size >= 100 or value == int(value) else f"{value:.3g}"


def share(value: float | None) -> str:
    """Return a share of one in percent: 0 %, 0.04 %, 3.2 %, 41 %."""
    if value is None:
        return NOTHING
    return percent(value * 100)


def percent(value: float) -> str:
    """Return a percentage."""
    if value == 0 or value >= 10 or value == int(value):
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else f"{value:.1g} %"


def duration(seconds: float | None) -> str:
    """Return a time that something took: 0.4 ms, 12 ms, 1.25 s, 3.5 min."""
    if seconds is None:
        return NOTHING
    if seconds < 0.9995:
        ms = seconds * 1000
        if 0 < ms < 0.095:
            return f"{ms:.1g} ms" if ms >= 0.0005 else "0 ms"
        return f"{ms:.0f} ms" if ms >= 9.95 or ms == int(ms) else f"{ms:.1f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds == int(seconds) else f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 3600 else f"{seconds / 3600:.3g} h"


def age(seconds: float | None) -> str:
    """Return how long ago something was, in one unit: 4 s, 12 min, 3 h, 9 d."""
    if seconds is None:
        return NOTHING
    for limit, unit_s, letter in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{max(0, seconds) / unit_s:.0f} {letter}"
    return f"{seconds / 86_400:.0f} d"


def size(value: float) -> str:
    """Return a number of bytes: 812 B, 4.1 kB, 64 MB."""
    for limit, divisor, unit in ((1000, 1, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if value < limit:
            return f"{value / divisor:.3g} {unit}"
    return f"{value / 1e9:.3g} GB"


def by_unit(value: float | None, unit: str) -> str:
    """Return a value of a metric: seconds as a duration, bytes as a size, anything else as a number."""
    if value is not None and value == value and abs(value) != float("inf"):
        if unit == "s" and value >= 0:
            return duration(value)
        if unit in ("By", "bytes") and value >= 0:
            return size(value)
        if unit == "ms" and value >= 0:
            return duration(value / 1000)
    return number(value)


def clock(moment: float, step_s: int = 60) -> str:
    """Return a time of day in UTC; with the day where a slot is an hour or longer."""
    return f"{datetime.fromtimestamp(moment, UTC):{'%d %b %H:%M' if step_s >= 3600 else '%H:%M'}}"


def day_and_time(moment: float) -> str:
    """Return a minute with its day, in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%d %b %H:%M}"


def iso(moment: float) -> str:
    """Return a time as ISO 8601 in UTC, for machines and tooltips."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def bad(value: float | None, watch: float, alarm: float) -> str:
    """Return the tone of a value that is worse the higher it is."""
    return "" if value is None or value < watch else "medium" if value < alarm else "critical"
