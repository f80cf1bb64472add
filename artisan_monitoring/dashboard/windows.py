"""The windows a page can look back over, and the slots they are cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from ..core.windows import HOUR, MINUTE, floor


@dataclass(frozen=True, slots=True)
class Span:
    """A window that looks back `length_s` seconds in slots of `step_s`, the running slot included.

    With `end` (the end of its last slot, in seconds since the epoch) it is a range of its own, and stays where it is.
    """

    key: str
    title: str
    length_s: int
    step_s: int
    end: int | None = None

    @property
    def hourly(self) -> bool:
        """Whether its slots are whole hours, so that roll-ups make them."""
        return self.step_s % HOUR == 0

    @property
    def query(self) -> str:
        """What names it in an address' query."""
        if self.end is None:
            return urlencode({"window": self.key})
        return urlencode({"from": iso_minute(self.end - self.length_s), "to": iso_minute(self.end)}, safe=":")

    @property
    def begins(self) -> str:
        """The beginning of a range as a form's field has it; empty for a window that moves."""
        return "" if self.end is None else iso_minute(self.end - self.length_s)

    @property
    def ends(self) -> str:
        """The end of a range as a form's field has it; empty for a window that moves."""
        return "" if self.end is None else iso_minute(self.end)

    def slots(self, now: float) -> range:
        """Return the starts of its slots, oldest first; the last one holds `now`, or ends the range."""
        end = floor(now, self.step_s) + self.step_s if self.end is None else self.end
        return range(end - self.length_s, end, self.step_s)

    def hours(self, now: float) -> Iterator[int]:
        """Yield the start of every hour that it touches."""
        slots = self.slots(now)
        yield from range(floor(slots.start, HOUR), slots.stop, HOUR)


def iso_minute(moment: float) -> str:
    """Return a time as ISO 8601 to the minute in UTC, as an address has it: 2026-11-24T09:30."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M}"


# The long ones have slots of whole hours: a day of 200 busy series in minutes is 288,000 cells, three seconds of work;
# in hourly roll-ups it is 24.
SPANS = {
    span.key: span
    for span in (
        Span("1h", "the last hour", HOUR, MINUTE),
        Span("6h", "the last 6 hours", 6 * HOUR, 6 * MINUTE),
        Span("24h", "the last 24 hours", 24 * HOUR, HOUR),
        Span("7d", "the last 7 days", 168 * HOUR, 3 * HOUR),
        Span("30d", "the last 30 days", 720 * HOUR, 24 * HOUR),
    )
}
DEFAULT = SPANS["1h"]
