"""The records consumer: drained records become rows, together with the cursor, in one database transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from ..conf import get_settings
from ..core.guard import report
from ..core.packing import NotABatch, unpack_batch
from ..exceptions import StoreUnavailable
from ..models import ConsumerCursor, QuarantinedRecord
from ..stores.base import Store
from ..stores.connection import own_connection
from .pacing import breathe
from .sinks import sink_for, tell_drained

QUARANTINE_CHARS = 16_384

Records = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Consumed:
    """How far the records consumer has come, and whether there may be more."""

    position: int
    more: bool


def consume_records(store: Store, shard: int, limit_bytes: int) -> Consumed:
    """Hand the records of what one read of the inbox gives to their sinks.

    Raise `StoreUnavailable` for a passing fault of the store or the database: nothing was changed then.
    """
    waiting = store.entries(shard, 0, limit_bytes=limit_bytes)
    if not waiting:
        return Consumed(0, more=False)
    if not _gather(entry.payload for entry in waiting):
        # Nothing here to do, or to do twice: no cursor needs to move, and most runs end without touching the database.
        return Consumed(waiting[-1].position, more=True)
    using = get_settings().DATABASE
    epoch = store.cursor(shard).epoch
    try:
        with own_connection(using):
            cursor = _cursor(store, shard, epoch, using)
            entries = store.entries(shard, cursor.position, limit_bytes=limit_bytes)
            if not entries:
                return Consumed(cursor.position, more=False)
            records = _gather(entry.payload for entry in entries)
            upto = entries[-1].position
            with transaction.atomic(using=using):
                # Asked again under the lock: after a wipe in between, these entries are the new epoch's to apply.
                if not _advance(cursor, upto, using) or store.cursor(shard).epoch != epoch:
                    transaction.set_rollback(True, using=using)
                    return Consumed(0, more=False)
                for kind, rows in sorted(records.items()):
                    _apply(kind, rows, using)
    except (OperationalError, InterfaceError) as exc:
        raise StoreUnavailable(f"the database {using!r} cannot take records now") from exc
    tell_drained(set(records))
    return Consumed(upto, more=True)


def _cursor(store: Store, shard: int, epoch: str, using: str) -> ConsumerCursor:
    """Return this consumer's cursor, set back to the beginning where the store has a new epoch."""
    name = type(store).__name__
    cursor, _ = ConsumerCursor.objects.using(using).get_or_create(
        store=name, shard=shard, defaults={"epoch": epoch, "position": 0}
    )
    if cursor.epoch != epoch:
        with transaction.atomic(using=using):
            ours = ConsumerCursor.objects.using(using).filter(pk=cursor.pk)
            list(ours.select_for_update())
            if store.cursor(shard).epoch == epoch:  # under the lock: a paused drainer must not bring an old one back
                ours.filter(epoch=cursor.epoch).update(epoch=epoch, position=0)
        cursor.refresh_from_db(using=using)
    return cursor


def _advance(cursor: ConsumerCursor, upto: int, using: str) -> bool:
    """Move the cursor, unless another drainer has.

    Drainers of the other shards wait here for each other: what sinks add to a row they have read must not be lost.
    """
    cursors = ConsumerCursor.objects.using(using)
    list(cursors.select_for_update().filter(store=cursor.store).order_by("pk"))
    unmoved = cursors.filter(pk=cursor.pk, epoch=cursor.epoch, position=cursor.position)
    return unmoved.update(position=upto) == 1


def _gather(payloads: Any) -> Records:
    gathered: Records = {}
    for payload in payloads:
        try:
            batch = unpack_batch(payload, with_deltas=False)
        except NotABatch:  # counted by the metrics consumer
            continue
        for kind, rows in batch.records.items():
            gathered.setdefault(kind, []).extend({**row, "process": batch.process} for row in rows)
        breathe()
    return gathered


def _apply(kind: str, rows: Sequence[dict[str, Any]], using: str) -> None:
    """Give rows to their sink; where it fails, halve them until the bad one stands alone, and set that aside."""
    sink = sink_for(kind)
    try:
        if sink is None:
            raise LookupError(f"no sink takes records of kind {kind!r}")
        with transaction.atomic(using=using):
            sink(rows, using=using)
    except (OperationalError, InterfaceError, StoreUnavailable):
        raise
    except Exception as exc:
        if len(rows) == 1 or sink is None:
            for row in rows:
                _quarantine(kind, row, exc, using)
            return
        half = len(rows) // 2
        _apply(kind, rows[:half], using)
        _apply(kind, rows[half:], using)
    breathe()


def _quarantine(kind: str, row: dict[str, Any], exc: Exception, using: str) -> None:
    report(f"sink.{kind}", exc)
    reason = ascii(f"{type(exc).__qualname__}: {exc}" if isinstance(exc, DatabaseError) else repr(exc))[:500]
    QuarantinedRecord.objects.using(using).create(
        kind=kind[:64],
        process=str(row.get("process", ""))[:64],
        reason=reason,
        record=json.dumps(row, default=repr)[:QUARANTINE_CHARS],
    )
