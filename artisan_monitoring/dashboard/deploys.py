"""Deploy marks on the charts: a flag where a release began, its name as the tooltip and in the chart's table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ..core.windows import floor
from ..deploys import marks as deploys
from . import figures
from .sections import Reader

SAID = 3
"""Marks named by what a screen reader says of a chart; the table has them all."""
LISTED = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """A deploy at a time in seconds since the epoch."""

    at: float
    release: str
    note: str = ""

    @property
    def label(self) -> str:
        """The release with what was noted of it."""
        return f"{self.release}: {self.note}" if self.note else self.release


def read(reader: Reader, times: Sequence[int], step_s: int) -> list[Mark]:
    """Return the marks of slots of time, oldest first; none where they cannot be read, which is no reason for less."""

    def found() -> list[Mark]:
        rows = deploys.between(times[0], times[-1] + step_s)
        return [Mark(each.at.timestamp(), each.release, each.note) for each in rows]

    return reader.rows("deploys", found).value or []


def listed(marks: Sequence[Mark]) -> list[dict[str, object]]:
    """Return the newest marks as shown, newest first."""
    now = time.time()
    return [
        {"release": each.release, "note": each.note, "iso": figures.iso(each.at), "age": figures.age(now - each.at)}
        for each in reversed(marks[-LISTED:])
    ]


def by_slot(marks: Sequence[Mark], step_s: int, first: int) -> Mapping[int, str]:
    """Return the releases that began in each slot, as one text; slots are counted from `first`."""
    found: dict[int, list[str]] = {}
    for each in marks:
        found.setdefault(first + floor(each.at - first, step_s), []).append(each.release)
    return {at: ", ".join(dict.fromkeys(releases)) for at, releases in found.items()}


def said(marks: Sequence[Mark]) -> str:
    """Return what a screen reader says of the marks, or nothing."""
    if not marks:
        return ""
    newest = ", ".join(f"{each.release} at {figures.clock(each.at)}" for each in marks[-SAID:])
    return f"; {len(marks)} deploy{'s' if len(marks) > 1 else ''}: {'… ' if len(marks) > SAID else ''}{newest}"


def draw(marks: Sequence[Mark], first: int, width_s: int, height: int) -> SafeString:
    """Draw a flag for each mark on a chart that begins at `first`. Every text is escaped."""
    return format_html_join(
        "",
        '<svg class="am-deploy" x="{0}%" data-at="{1}"><path class="am-pole" d="M.5 0V{2}"/>'
        '<path class="am-flag" d="M0 0H9L6.5 3.5 9 7H0Z"/><rect class="am-grip" x="-5" y="0" width="11" height="{2}">'
        "<title>{3} UTC · deploy of {4}</title></rect></svg>",
        (
            (f"{(each.at - first) / width_s * 100:.2f}", int(each.at), height, figures.clock(each.at, 3600), each.label)
            for each in marks
            if first <= each.at < first + width_s
        ),
    )
