"""Tags by share: what the samples of a group have in common, and in what they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..models.errors import ErrorEvent, ErrorGroup

SAMPLES = 200
VALUES = 4
MOSTLY_UNIQUE = 0.8
"""Of a tag with a value of its own in so many of its samples, shares tell nothing: an id, a time."""
ENOUGH = 5

COLUMNS = ("release", "environment", "host", "route", "user_pk", "mechanism")
_NAMES = {"user_pk": "user"}


@dataclass(frozen=True, slots=True)
class Share:
    """A value of a tag, or the rest of them (empty `value`), with its share in per cent."""

    value: str
    count: int
    per_cent: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, in how many samples it is, and its values by share: at most four and the others."""

    name: str
    count: int
    shares: tuple[Share, ...]
    different: int = 0
    """How many values there are, where they are too many and too different to list."""


def tags_of(group: ErrorGroup) -> tuple[list[Tag], int]:
    """Return the tags of a group's latest samples, and how many samples those were. One query, no stack is read."""
    rows = ErrorEvent.objects.filter(group=group).order_by("-occurred_at", "-pk").values("tags", *COLUMNS)[:SAMPLES]
    merged = [
        {**{_NAMES.get(name, name): row[name] for name in COLUMNS if row[name]}, **_texts(row["tags"])} for row in rows
    ]
    return shares(merged), len(merged)


def _texts(tags: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else {}


def shares(samples: Iterable[Mapping[str, str]]) -> list[Tag]:
    """Return the tags of samples, those in most samples first, each with its values by share."""
    counted: dict[str, Counter[str]] = {}
    for sample in samples:
        for name, value in sample.items():
            counted.setdefault(name, Counter())[value] += 1
    tags = [_tag(name, values) for name, values in counted.items()]
    return sorted(tags, key=lambda tag: -tag.count)


def _tag(name: str, values: Counter[str]) -> Tag:
    total = sum(values.values())
    if total >= ENOUGH and len(values) >= MOSTLY_UNIQUE * total:
        return Tag(name, total, (), different=len(values))
    top = sorted(values.items(), key=lambda each: (-each[1], each[0]))[:VALUES]
    listed = [Share(value, count, round(100 * count / total)) for value, count in top]
    rest = total - sum(share.count for share in listed)
    return Tag(name, total, tuple(listed + ([Share("", rest, round(100 * rest / total))] if rest else [])))
