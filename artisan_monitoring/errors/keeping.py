"""Samples as rows: their tags, how little each tells, and the words by which their group is found."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..core.relevance import irrelevance
from ..core.reprs import clean_text
from ..models.errors import ErrorEvent, ErrorGroup

TAGS, TAG_NAME, TAG_VALUE = 50, 60, 200
SEARCH_TERMS = 40
"""Files and tags by which one group is found: the first ones, so that a tag that never repeats has an end."""
SEARCH_MESSAGE = 300

_COLUMNS = ("type", "message", "severity", "handled", "mechanism", "route", "user_pk", "request_id", "trace_id")


def event_of(group: ErrorGroup, sample: Mapping[str, Any], *, keep: bool) -> ErrorEvent:
    """Return a sample as a row of its group, and count it there."""
    event_id = uuid.UUID(sample["event_id"])
    event = ErrorEvent(
        group=group,
        event_id=event_id,
        occurred_at=datetime.fromtimestamp(sample["at"], UTC),
        release=sample["release"],
        environment=sample["environment"],
        host=sample["host"],
        tags=tags_of(sample["details"]),
        irrelevance=irrelevance(group.samples, event_id.int),
        keep=keep,
        details={**sample["details"], "client": sample["client"]},
        **{column: sample[column] for column in _COLUMNS},
    )
    group.samples += 1
    return event


def tags_of(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a sample as text by name, bounded."""
    tags = details.get("tags")
    if not isinstance(tags, Mapping):
        return {}
    pairs = list(tags.items())[:TAGS]
    return {clean_text(str(name), TAG_NAME): clean_text(str(value), TAG_VALUE) for name, value in pairs}


def frames_of(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every frame of a sample."""
    for exception in details.get("exception") or ():
        yield from exception.get("frames") or ()


def searchable(group: ErrorGroup, samples: Sequence[Mapping[str, Any]]) -> str:
    """Return what a group is found by, one term a line and in small letters: type, culprit, message, files, tags.

    Files and tags add up over the samples seen.
    """
    first = [clean_text(text.replace("\n", " "), SEARCH_MESSAGE) for text in (group.type, group.culprit, group.message)]
    terms = dict.fromkeys(group.search.split("\n")[3:]) if group.search else {}
    for sample in samples:
        terms.update(dict.fromkeys(_terms(sample)))
    return "\n".join([*first, *list(terms)[:SEARCH_TERMS]]).lower()


def _terms(sample: Mapping[str, Any]) -> Iterator[str]:
    details = sample["details"]
    frames = list(frames_of(details))
    for frame in [each for each in frames if each.get("in_app")] or frames[-1:]:
        yield _line(str(frame.get("file") or ""))
    for name, value in tags_of(details).items():
        yield _line(f"{name}={value}")
    for name in ("route", "release", "environment"):
        if sample.get(name):
            yield _line(f"{name}={sample[name]}")


def _line(text: str) -> str:
    return clean_text(text.replace("\n", " "), TAG_VALUE).lower()
