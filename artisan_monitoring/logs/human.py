"""The format for a person in development: one readable line, its traceback indented below, coloured on a terminal."""

from __future__ import annotations

import json
import os
import re

from ..core.redaction import Json

LONGEST = 65_536 - 1
_COLOURS = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_RESET = "\x1b[0m"
_NOT_ASCII_TEXT = re.compile(r"[^ -~]")
_BARE = re.compile(r"[\w./:@+-]{1,200}")
_HEAD = ("timestamp", "level", "logger", "message", "service", "environment", "release", "trace_id", "span_id")
_BLOCKS = ("exception.stacktrace", "stack")
_LEFT_OUT = frozenset((*_HEAD, *_BLOCKS, "exception.type", "exception.message"))


def wants_colour() -> bool:
    """Tell whether standard output is a terminal that may be coloured (https://no-color.org)."""
    import sys

    try:
        return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()
    except (AttributeError, ValueError):  # none, or closed
        return False


def escaped(text: str) -> str:
    """Return `text` with all that is not printable written as an escape: line ends, ESC, C1, bidirectional marks."""
    if text.isprintable():
        return text
    return _NOT_ASCII_TEXT.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def human_line(values: dict[str, Json], colour: bool) -> str:
    """Return the record's text without a line end: time of day (UTC), level, logger, message, fields, traceback."""
    level = str(values.get("level", ""))
    head = f"{str(values.get('timestamp', ''))[11:23]} {escaped(level):<8}"
    if colour and level in _COLOURS:
        head = f"{_COLOURS[level]}{head}{_RESET}"
    fields = [f"{escaped(key)}={_shown(value)}" for key, value in values.items() if key not in _LEFT_OUT]
    text = "  ".join((f"{head} {escaped(str(values.get('logger')))}", escaped(str(values.get("message"))), *fields))
    for key in _BLOCKS:
        for line in str(values.get(key) or "").split("\n"):
            if line:
                text += f"\n    | {escaped(line)}"
    return _fitting(text)


def _shown(value: Json) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return escaped(value)
    return escaped(json.dumps(value, ensure_ascii=False))


def _fitting(text: str) -> str:
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= LONGEST:
        return raw.decode()
    return raw[: LONGEST - 20].decode("utf-8", "ignore") + " [truncated]"
