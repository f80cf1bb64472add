"""Noticing a new release by itself: each process says once which one it runs, and the drain marks what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from .. import conf
from ..models import Deploy
from ..pipeline.buffer import buffer
from ..pipeline.flusher import flusher

KIND = "deploy"

_told: tuple[str, str] | None = None


def tell() -> None:
    """Put the release of this process into its first batch. A sampler of the flusher: never in a request.

    A forked child has nothing new to tell, and tells nothing.
    """
    global _told
    chosen = conf.get_settings()
    running = chosen.ENVIRONMENT.strip()[:64], chosen.RELEASE.strip()[:100]
    if not all(running) or running == _told or conf.in_tests():
        return
    _told = running
    environment, release = running
    began = flusher.started_at + buffer.clock_offset
    buffer.add_record(KIND, {"environment": environment, "release": release, "at": began})


def apply(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Mark the releases that no mark knows: the sink of the kind `deploy`.

    The first to arrive wins, and a roll-out of a thousand processes is one row. Raises KeyError, TypeError or
    ValueError for a record that is none.
    """
    first: dict[tuple[str, str], float] = {}
    for each in records:
        key = str(each["environment"])[:64], str(each["release"])[:100]
        first[key] = min(float(each["at"]), first.get(key, float("inf")))
    rows = [
        Deploy(environment=environment, release=release, at=datetime.fromtimestamp(at, UTC), noticed=True)
        for (environment, release), at in sorted(first.items())
    ]
    Deploy.objects.using(using).bulk_create(rows, ignore_conflicts=True)
