"""What makes two errors the same problem: fingerprint version 1, with components a person can read.

Per exception of the chain, outermost first: its type, and for each frame of the project's own code the module, the
function and the stripped source line. No line numbers (an edit above would make every error new), no library frames
(an upgrade would), no frames that only pass the call on (a new middleware would), recursion once. The message counts
only where no frame does, with what varies in it replaced; of a database error, the table or constraint counts always.
A record without an exception is its logger and template. A project's own parts come before all of that.
The versions live beside each other: a better one never regroups what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from .stacks import CodeLine

VERSION = 1
FRAMES = 30
SOURCE_LENGTH = 120

DEFAULT = "{{ default }}"
"""Among a project's own parts: what the fingerprint would be without them. Spelled as in Sentry."""

CHOSEN = "chosen by the project"
"""The first component of such a fingerprint."""

PARTS = 20
PART_LENGTH = 200
_DEFAULT = re.compile(r"\s*\{\{\s*default\s*\}\}\s*")

# Tried in this order: what is longer and more telling first, so that a UUID is not taken for five numbers.
_VARYING: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("<url>", re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>]+", re.I)),
    ("<email>", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")),
    ("<uuid>", re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b", re.I)),
    ("<date>", re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b")),
    ("<ip>", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])", re.I)),
    ("<hex>", re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", re.I)),
    ("<quoted>", re.compile(r"'[^'\n]{0,500}'|\"[^\"\n]{0,500}\"")),
    ("<number>", re.compile(r"(?<![\w<])[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", re.I)),
)
_DATABASE_ERRORS = frozenset({"IntegrityError", "OperationalError", "ProgrammingError", "DataError", "InternalError"})
# SQLite, PostgreSQL, MySQL: "UNIQUE constraint failed: shop_item.sku", 'relation "x" does not exist', "for key 'x'".
_DATABASE_OBJECT = re.compile(
    r"(?:constraint failed: |no such (?:table|column): )([\w.]{1,120}(?:, [\w.]{1,120}){0,9})"
    r"|(?:constraint|relation|column|table|key) [\"'`]([\w.]{1,120})[\"'`]",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash and what was hashed: `components` are lines of text, in order."""

    version: int
    hash: str
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExceptionPart:
    """What a fingerprint needs of one exception: dotted type, message, its lines of code outermost first."""

    type: str
    message: str
    lines: Sequence[CodeLine]
    relation: str = "raised"


def of_exception(parts: Sequence[ExceptionPart]) -> Fingerprint:
    """Return the fingerprint of a chain of exceptions, the one that was raised first."""
    told = [(part, own_lines(part.lines)) for part in parts]
    by_message = not any(lines for _, lines in told)
    blocks: list[list[str]] = []
    members: set[tuple[str, ...]] = set()
    for part, lines in told:
        block = _component(part, lines, by_message)
        if part.relation != "member":
            blocks.append(block)
        elif tuple(block) not in members:
            # How many members a group has, and in which order, is chance.
            members.add(tuple(block))
    blocks.extend(list(block) for block in sorted(members))
    return _hashed([line for block in blocks for line in block])


def of_log(logger: str, template: str) -> Fingerprint:
    """Return the fingerprint of a log record without an exception: `record.msg`, never the formatted message.

    What an f-string has put into the template already is replaced like in a message.
    """
    return _hashed([f"logged by {logger}", f"  template: {normalised(template)}"])


def of_parts(parts: Sequence[str], default: Fingerprint) -> Fingerprint:
    """Return the fingerprint that a project chose: its parts, with what it would be otherwise for `{{ default }}`."""
    parts = [part[:PART_LENGTH] for part in parts[:PARTS]]
    if not parts or (len(parts) == 1 and _DEFAULT.fullmatch(parts[0])):
        return default
    components = [CHOSEN]
    for part in parts:
        if _DEFAULT.fullmatch(part):
            components += [f"  {DEFAULT}", *(f"    {line}" for line in default.components)]
        else:
            components.append(f"  {part}")
    return _hashed(components)


def overflow() -> Fingerprint:
    """Return the fingerprint of what is counted together, when a process reports more different errors than it may."""
    return _hashed(["too many different errors"])


def depends_on_message(parts: Sequence[ExceptionPart]) -> bool:
    """Say whether two errors from the same lines may differ: their message is part of what is hashed."""
    return any(_is_database_error(part.type) for part in parts) or not any(own_lines(part.lines) for part in parts)


def own_lines(lines: Sequence[CodeLine]) -> list[CodeLine]:
    """Return the lines that tell where an error is: the project's own, each once, the innermost `FRAMES` of them."""
    own = [line for line in lines if line.in_app and not line.hidden]
    telling = [line for line in own[:-1] if not line.passes_on] + own[-1:]
    unique = {(line.module, line.function, line.text): line for line in telling}
    return list(unique.values())[-FRAMES:]


def culprit(lines: Sequence[CodeLine]) -> str:
    """Return where to look first, as `module in function`."""
    own = own_lines(lines)
    at = own[-1] if own else lines[-1] if lines else None
    return f"{at.module} in {at.function}" if at else ""


def normalised(message: str) -> str:
    """Return the first two lines of a message with what varies replaced by what it is.

    >>> normalised("User 17 at 10.0.0.1 not found")
    'User <number> at <ip> not found'
    """
    lines = [line for line in message[:2_000].splitlines() if line.strip()][:2]
    text = " / ".join(lines)
    for name, pattern in _VARYING:
        text = pattern.sub(name, text)
    return text[:300]


def _component(part: ExceptionPart, lines: Sequence[CodeLine], by_message: bool) -> list[str]:
    component = [f"{part.relation} {part.type}"]
    component += [f"  {line.module} in {_folded(line.function)}: {line.text[:SOURCE_LENGTH]}" for line in lines]
    if _is_database_error(part.type) and (found := _DATABASE_OBJECT.search(part.message)):
        component.append(f"  database object: {found[1] or found[2]}")
    elif by_message:
        component.append(f"  message: {normalised(part.message)}")
        if part.lines:
            component.append(f"  in library: {part.lines[-1].module} in {_folded(part.lines[-1].function)}")
    return component


def _folded(function: str) -> str:
    """Return a function's qualified name without its inner lambdas and comprehensions, whose names say nothing."""
    return re.sub(r"\.<(?:lambda|listcomp|dictcomp|setcomp|genexpr)>", "", function.replace(".<locals>", ""))


def _is_database_error(type_name: str) -> bool:
    return type_name.rpartition(".")[2] in _DATABASE_ERRORS


def _hashed(components: list[str]) -> Fingerprint:
    text = "\n".join(components)
    return Fingerprint(VERSION, sha256(text.encode("utf-8", "backslashreplace")).hexdigest(), tuple(components))
