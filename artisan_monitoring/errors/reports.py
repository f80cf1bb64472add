"""One error as a document to take elsewhere: Markdown for a ticket, JSON for a program. It was redacted at capture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..models.errors import ErrorEvent, ErrorGroup
from .trail import Step, Trail, in_ms, trail_of

STEPS = 40
FRAMES = 30
GROUP_FIELDS = (
    "type", "message", "culprit", "severity", "state", "count", "users", "first_seen", "last_seen", "first_release",
    "last_release", "environment", "mechanism", "logger", "handled",
)  # fmt: skip
EVENT_FIELDS = (
    "occurred_at", "type", "message", "severity", "handled", "mechanism", "route", "user_pk", "request_id", "trace_id",
    "release", "environment", "host", "tags", "details",
)  # fmt: skip


def as_json(group: ErrorGroup, event: ErrorEvent | None) -> dict[str, Any]:
    """Return a group and one of its samples as JSON-able values; times are ISO 8601."""
    sample = None
    if event is not None:
        sample = {"id": event.event_id.hex, **{name: _plain(getattr(event, name)) for name in EVENT_FIELDS}}
    return {"id": group.pk, **{name: _plain(getattr(group, name)) for name in GROUP_FIELDS}, "sample": sample}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def as_markdown(group: ErrorGroup, event: ErrorEvent | None, url: str = "") -> str:
    """Return a group and one of its samples as Markdown. What was recorded stands in code only: it cannot be markup."""
    details: Mapping[str, Any] = event.details if event is not None and isinstance(event.details, dict) else {}
    parts = [f"# {code(group.type)}", *_head(group, url)]
    for exception in details.get("exception") or ():
        parts += _exception(exception)
    trail = trail_of(details)
    if trail is not None:
        parts += ["## Trail", block("\n".join(_trail(trail)))]
    if event is not None:
        parts += _surroundings(event, details)
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(group: ErrorGroup, url: str) -> Iterator[str]:
    if group.message:
        yield block(group.message)
    facts = [
        ("Where", code(group.culprit)),
        ("Severity", f"{group.severity}, {group.get_state_display().lower()}"),
        ("Occurrences", f"{group.count:,}" + (f", {group.users:,} users" if group.users else "")),
        ("First seen", f"{group.first_seen:%Y-%m-%d %H:%M:%S} UTC" + _in(group.first_release)),
        ("Last seen", f"{group.last_seen:%Y-%m-%d %H:%M:%S} UTC" + _in(group.last_release)),
        ("Link", f"<{url}>" if url else ""),
    ]
    yield bullets(facts)


def _in(release: str) -> str:
    return f" in {code(release)}" if release else ""


def _exception(exception: Mapping[str, Any]) -> Iterator[str]:
    relation = {"cause": "Caused by", "context": "While handling", "member": "Member"}.get(
        str(exception.get("relation"))
    )
    yield f"## {relation + ': ' if relation else ''}{code(str(exception.get('type') or ''))}"
    yield block(str(exception.get("message") or "")) if exception.get("message") else ""
    for note in exception.get("notes") or ():
        yield block(str(note))
    frames = list(exception.get("frames") or ())
    yield block("\n".join(_frames(frames[-FRAMES:]))) if frames else ""


def _frames(frames: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write a stack as Python does: outermost call first."""
    for frame in frames:
        mark = "" if frame.get("in_app") else "  # library"
        yield f'File "{frame.get("file")}", line {frame.get("line")}, in {frame.get("function")}{mark}'
        if (text := _hit(frame)) and frame.get("in_app"):
            yield f"    {text}"


def _hit(frame: Mapping[str, Any]) -> str:
    source, first, line = frame.get("source") or [], frame.get("first_line") or 1, frame.get("line") or 0
    index = int(line) - int(first)
    return str(source[index]).strip() if 0 <= index < len(source) else ""


def _trail(trail: Trail) -> Iterator[str]:
    left_out = max(0, len(trail.before) - STEPS)
    if left_out:
        yield f"... {left_out} earlier"
    yield from (_step(step) for step in trail.before[left_out:])
    if trail.failed_at is not None:
        yield f"{in_ms(trail.failed_at * 1_000):>9} ms  === the error ==="
    yield from (_step(step) for step in trail.after[:STEPS])


def _step(step: Step) -> str:
    took = f" ({step.took})" if step.took else ""
    times = f" x{step.times}" if step.times > 1 else ""
    level = f" {step.level}" if step.level else ""
    return f"{step.at_ms:>9} ms  {step.label}{level}: {' '.join(step.text.split())}{times}{took}"


def _surroundings(event: ErrorEvent, details: Mapping[str, Any]) -> Iterator[str]:
    request = details.get("request") or {}
    named = [("Request", f"{request.get('method', '')} {request.get('path', '')}".strip())]
    columns = ("route", "request_id", "trace_id", "release", "environment", "host", "mechanism")
    named += [(name.replace("_", " ").capitalize(), str(getattr(event, name))) for name in columns]
    named += [("At", f"{event.occurred_at:%Y-%m-%d %H:%M:%S} UTC"), ("Task", str(details.get("task") or ""))]
    yield "## Sample"
    yield bullets((name, code(text) if text else "") for name, text in named)
    for title, values in (("Tags", event.tags), ("Context", details.get("context"))):
        if isinstance(values, Mapping) and values:
            yield f"## {title}"
            yield bullets((code(str(name)), code(str(value))) for name, value in values.items())


def bullets(facts: Iterable[tuple[str, str]]) -> str:
    """Return a list of (name, Markdown) without those that say nothing."""
    return "\n".join(f"- {name}: {text}" for name, text in facts if text)


def code(text: str) -> str:
    """Return text as inline code that it cannot break out of (CommonMark 6.1): more backticks than it has in a row."""
    flat = " ".join(text.split())
    if not flat:
        return ""
    fence = "`" * (_backticks(flat) + 1)
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(text: str) -> str:
    """Return text as a code block that it cannot break out of (CommonMark 4.5)."""
    fence = "`" * max(3, _backticks(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _backticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
