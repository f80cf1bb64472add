"""Read an exception: its chain, the lines it went through, and what of them is worked out once and kept."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.fingerprints import ExceptionPart, Fingerprint
from ..core.guard import guarded
from ..core.redaction import Redactor
from ..core.reprs import clean_text, dotted_name
from ..core.stacks import FrameReader, Link, caller, chain, entries_above, message_of
from .templates import Shown, has_other_lines, with_other_lines

FRAMES_ABOVE = 20
"""Of what was never raised, frames shown above where it was told: the view, without all of the server's stack."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is worked out once per place: `parts` hold the lines, whose ids are the key."""

    fingerprint: Fingerprint
    culprit: str
    parts: tuple[ExceptionPart, ...]


@dataclass(slots=True)
class Reading:
    """One exception read: its chain, and per link what was found out."""

    links: list[Link]
    parts: list[ExceptionPart]
    shown: list[list[Shown]]


def read(exc: BaseException, reader: FrameReader, redactor: Redactor, message: str = "", kind: str = "") -> Reading:
    """Read a chain. `message` and `kind` are said of what is no exception: a log record."""
    links = chain(exc)
    if not links[0].entries:
        # Never raised: where it was tracked is the next best thing to know.
        links[0].entries = entries_above(caller(), FRAMES_ABOVE)
    parts: list[ExceptionPart] = []
    shown: list[list[Shown]] = []
    for link in links:
        line_of = reader.line
        lines = [line_of(frame, lineno) for frame, lineno in link.entries]
        pairs: list[Shown] = list(zip(lines, link.entries, strict=True))
        if has_other_lines(link.exc, lines):
            with guarded("errors.templates"):
                pairs = with_other_lines(reader, link.exc, link.entries, lines)
                lines = [line for line, _ in pairs]
        shown.append(pairs)
        text = redactor.text(message or message_of(link.exc))
        parts.append(ExceptionPart(kind or _name(type(link.exc)), text, lines, link.relation))
    return Reading(links, parts, shown)


_names: dict[type, str] = {}


def _name(kind: type) -> str:
    name = _names.get(kind)
    if name is None:
        if len(_names) > 1_000:  # classes made at run time must not pile up
            _names.clear()
        name = _names[kind] = clean_text(dotted_name(kind), 200)
    return name
