"""The outbox: log lines on their way from the inbox to the endpoint, packed in rows of the database.

A row holds many lines, since a row a line would cost the database more than the lines are worth. Rows come in the
drain's transaction, so each line once, and go when the endpoint has answered for them.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from ...conf import get_settings
from ...models import LogOutbox
from ...pipeline.buffer import buffer
from ...pipeline.pacing import breathe

LINES_PER_ROW = 200
"""Also what one request carries: making it holds the interpreter, and in a web process requests wait."""

SIZE_PER_ROW = 256 * 1024
ROWS_PER_READ = 50
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was written, with the number of its level, and the host and process that wrote it."""

    level: int
    host: str
    process: str
    text: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows that go together in one request: their keys, how many lines were put in, and those that can be read."""

    keys: Sequence[int]
    count: int
    lines: Sequence[Line]
    added_at: float


def store_lines(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Write drained lines as rows: the sink of their kind. What does not fit any more is dropped and counted.

    The newest goes, not the oldest, which may be on its way at this moment.
    """
    # A line stands where others have their samples: a full inbox takes it out and counts it, as it does those.
    lines = [
        Line(int(each["level"]), str(each["host"]), str(each["process"]), str(text))
        for each in records
        for text in each["samples"]
    ]
    waiting, _ = LogOutbox.objects.using(using).waiting(0.0)
    room = max(0, get_settings().OTLP.LOG_LINES - waiting)
    LogOutbox.objects.using(using).bulk_create(map(_row, _cut(lines[:room])))
    if len(lines) > room:
        transaction.on_commit(partial(_refuse, len(lines) - room), using=using)


def _refuse(lines: int) -> None:
    buffer.dropped["log.outbox_full"] += lines


def _cut(lines: Iterable[Line]) -> Iterator[list[Line]]:
    part: list[Line] = []
    size = 0
    for line in lines:
        if part and (len(part) >= LINES_PER_ROW or size + len(line.text) > SIZE_PER_ROW):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line.text)
    if part:
        yield part


def _row(lines: Sequence[Line]) -> LogOutbox:
    packed = json.dumps([[line.level, line.host, line.process, line.text] for line in lines], separators=(",", ":"))
    breathe()
    payload = zlib.compress(packed.encode(), 6)
    breathe()
    size = sum(len(line.text) for line in lines)
    return LogOutbox(lines=len(lines), size=size, payload=payload, added_at=time.time())


def parcels(using: str) -> Iterator[Parcel]:
    """Yield what waits, oldest first, in parcels for one request each. Who takes one removes it before the next."""
    while rows := list(LogOutbox.objects.using(using).order_by("pk")[:ROWS_PER_READ]):
        together: list[LogOutbox] = []
        for row in rows:
            fits = sum(each.lines for each in together) + row.lines <= LINES_PER_ROW
            if together and not (fits and sum(each.size for each in together) + row.size <= SIZE_PER_ROW):
                yield _parcel(together)
                together = []
            together.append(row)
        yield _parcel(together)


def _parcel(rows: Sequence[LogOutbox]) -> Parcel:
    lines = [line for row in rows for line in _unpacked(row)]
    return Parcel([row.pk for row in rows], sum(row.lines for row in rows), lines, rows[0].added_at)


def _unpacked(row: LogOutbox) -> list[Line]:
    try:
        parts = json.loads(zlib.decompress(bytes(row.payload)))
        return [Line(int(level), str(host), str(process), str(text)) for level, host, process, text in parts]
    except (zlib.error, ValueError, TypeError):
        return []


def remove(parcel: Parcel, using: str) -> None:
    """Delete a parcel's rows."""
    LogOutbox.objects.using(using).filter(pk__in=parcel.keys).delete()


def expire(now: float, using: str) -> int:
    """Drop and count what has waited for too long; return how many lines."""
    old = LogOutbox.objects.using(using).filter(added_at__lt=now - get_settings().OTLP.LOG_HOURS * HOUR_S)
    keys = list(old.order_by("pk").values_list("pk", flat=True))
    lines = 0
    for at in range(0, len(keys), ROWS_PER_READ):
        with transaction.atomic(using=using):
            some = LogOutbox.objects.using(using).filter(pk__in=keys[at : at + ROWS_PER_READ])
            gone = sum(some.select_for_update().values_list("lines", flat=True))
            some.delete()
        buffer.dropped["log.expired"] += gone
        lines += gone
        breathe()
    return lines


def purge(now: datetime) -> int:
    """Drop old lines where nobody exports them any more; the export does it itself, while nothing is on its way."""
    chosen = get_settings()
    return 0 if chosen.OTLP.ENDPOINT and chosen.OTLP.LOGS else expire(now.timestamp(), chosen.DATABASE)
