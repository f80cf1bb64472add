"""A scrape: read the store once, write it in the format that the scraper asked for."""

from __future__ import annotations

from typing import NamedTuple

from ...stores import get_store
from . import protobuf, text
from .accept import Format, negotiate
from .families import collect, target_info


class Exposition(NamedTuple):
    """The body of an answer and its content type."""

    body: bytes
    content_type: str


WRITERS = {
    Format.TEXT: text.plain,
    Format.OPENMETRICS: text.openmetrics,
    Format.PROTOBUF: protobuf.delimited,
}


def expose(accept: str) -> Exposition:
    """Return all metrics for an Accept header. Raise `StoreError` or `DatabaseError` when they cannot be read."""
    chosen = negotiate(accept)
    return Exposition(WRITERS[chosen](collect(get_store()), target_info()), chosen.value)
