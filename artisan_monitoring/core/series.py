"""Series: a metric's name, kind, unit and tags; how they are checked, identified and kept within limits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "distribution"]
Combine: TypeAlias = Literal["sum", "max", "min", "last"]
Tags: TypeAlias = tuple[tuple[str, str], ...]

KINDS: tuple[Kind, ...] = ("counter", "gauge", "distribution")
COMBINES: tuple[Combine, ...] = ("sum", "max", "min", "last")

MAX_TAGS = 8
MAX_TAG_CHARS = 200
MAX_NAME_CHARS = 200

OVERFLOW: Tags = (("otel_metric_overflow", "true"),)
"""The one series beyond the cardinality limit (OpenTelemetry metrics SDK, "Cardinality limits")."""


class Series:
    """What identifies a series. `combine` says how the processes' values of a gauge make one.

    `text` is the series as JSON, `[name, kind, unit, [[key, value], ...], combine]`, and `id` 16 hex digits of a hash
    over all of it but `combine`; both are made once, since batches and stores need them at every flush.
    """

    __slots__ = ("combine", "id", "kind", "name", "tags", "text", "unit")

    def __init__(self, name: str, kind: Kind, unit: str, tags: Tags, combine: Combine = "max") -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.tags = tags
        self.combine = combine
        identity = json.dumps([name, kind, unit, tags], separators=(",", ":"))
        self.id = blake2b(identity.encode(), digest_size=8).hexdigest()
        self.text = f'{identity[:-1]},"{combine}"]'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Series({self.text})"

    def overflow(self) -> Series:
        """Return the series of the same metric that takes what is over the limits."""
        return Series(self.name, self.kind, self.unit, OVERFLOW, self.combine)


@lru_cache(maxsize=1 << 16)
def series_from_text(text: str) -> Series:
    """Build a series from its `text`; raise `ValueError` where it is not one.

    Cached, for as many as a store may have: a drain reads the same ones in turn, and a smaller cache would hit none.
    """
    match json.loads(text):
        case [str(name), str(kind), str(unit), [*tags], str(combine)] if kind in KINDS and combine in COMBINES:
            pairs = tuple(_pair(each) for each in tags)
            return Series(name, kind, unit, pairs, combine)
    raise ValueError(f"not a series: {text:.200}")


def _pair(parts: object) -> tuple[str, str]:
    match parts:
        case [str(key), str(value)]:
            return key, value
    raise ValueError(f"not a tag: {parts!r:.200}")


def clean_tags(tags: Iterable[tuple[object, object]]) -> Tags:
    """Return tags sorted by key, as strings within the limits; what goes over the eighth tag is left out."""
    pairs = sorted((_clean(key), _clean(value)) for key, value in tags)
    return tuple(pairs[:MAX_TAGS])


def _clean(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    text = text[:MAX_TAG_CHARS]
    if text.isascii() and text.isprintable():
        return text
    # What no store can hold (lone surrogates, NUL) becomes visible escapes instead.
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")[:MAX_TAG_CHARS]
