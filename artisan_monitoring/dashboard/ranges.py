"""What an address asks for: one of the windows, or a range of its own; and what is said where it asks for neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..conf import get_settings
from ..core.windows import DAY, FINE_FOR_S, HOUR, MINUTE, TEN_MINUTES, floor
from . import figures
from .windows import DEFAULT, SPANS, Span

POINTS = 100
"""At most so many slots a range: a chart of 1,200 pixels has a dozen for each."""

STEPS = tuple(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440))
SHOWN_CHARS = 40
IN_A_WINDOW = ("window", "from", "to", "fragment")
"""The keys of an address that say when; every other says what."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The window to show, and a sentence where it is not quite what was asked for."""

    span: Span
    notice: str = ""


class _Unusable(ValueError):
    """There is nothing to show for what was asked. The argument is a sentence for the reader."""


def chosen(query: Mapping[str, str], now: float) -> Chosen:
    """Return the window that an address' query names, at a time in seconds since the epoch."""
    begins, ends = query.get("from", "").strip(), query.get("to", "").strip()
    try:
        if begins or ends:
            return _range(begins, ends, now)
        return Chosen(_named(query.get("window", DEFAULT.key).strip() or DEFAULT.key))
    except _Unusable as why:
        return Chosen(DEFAULT, f"{why} Shown is {DEFAULT.title}.")


def _named(key: str) -> Span:
    if key in SPANS:
        return SPANS[key]
    raise _Unusable(
        f"“{_short(key)}” is no window: there are {', '.join(SPANS)}, and any range from one time to another."
    )


def _range(begins: str, ends: str, now: float) -> Chosen:
    """Return a range cut to what can be there: what has been, and is still kept."""
    end = _moment(ends) if ends else now
    start = _moment(begins) if begins else end - HOUR
    latest, oldest = floor(now, MINUTE) + MINUTE, floor(now - get_settings().RETENTION.ROLLUPS * DAY, HOUR)
    if start >= latest:
        raise _Unusable("The range lies in the future.")
    if start >= end:
        raise _Unusable("The range has no length." if start == end else "The range ends before it begins.")
    if end <= oldest:
        raise _Unusable(f"The range is older than anything that is kept ({get_settings().RETENTION.ROLLUPS} days).")
    said = []
    if end > latest:
        said.append("The range ends in the future: shown is up to now.")
    if start < oldest:
        said.append(f"Nothing is kept for longer than {get_settings().RETENTION.ROLLUPS} days: shown is what is.")
    return Chosen(_cut(max(start, oldest), min(end, latest), now), " ".join(said))


def _moment(text: str) -> float:
    """Return the time that an ISO 8601 text names, in seconds since the epoch; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text[: SHOWN_CHARS + 1])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _Unusable(f"“{_short(text)}” is no time: write one as 2026-11-24T09:30, in UTC.") from None


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _cut(start: float, end: float, now: float) -> Span:
    """Return the range in the narrowest slots that are stored so far back and make at most `POINTS`."""
    finest = _finest(start, now)
    steps = [step for step in STEPS if step % finest == 0]
    step = next((step for step in steps if _points(start, end, step) <= POINTS), 0)
    if not step:
        step = -(-int(end - start) // ((POINTS - 1) * DAY)) * DAY
    first, last = floor(start, step), -(floor(-end, step))
    title = f"the range from {figures.day_and_time(first)} to {figures.day_and_time(last)} UTC"
    return Span(f"{first}-{last}", title, last - first, step, last)


def _finest(start: float, now: float) -> int:
    """Return the width of the slots that are kept of a time: minutes, ten minutes, then hours."""
    age_s = now - start
    if age_s <= FINE_FOR_S:
        return MINUTE
    return TEN_MINUTES if age_s <= get_settings().RETENTION.METRICS * DAY - HOUR else HOUR


def _points(start: float, end: float, step: int) -> int:
    return (-(floor(-end, step)) - floor(start, step)) // step
