"""The inbox in tables: appending under a guard, reading in order, trimming, and the state row that locks it all.

Every writer of a shard locks the shard's `InboxState` row first. So positions become visible in their order, and a
commit's read-merge-write of cells has no rival.
"""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_hex

from django.db import transaction
from django.db.models import Count, F, Min, Sum

from ...exceptions import InboxFull
from ...models import InboxEntry, InboxState, ProducerState
from ..base import Appended, Cursor, Entry, InboxStats, Producer
from .sql import ROWS_A_STATEMENT, Clock, slices

NEVER = -1
"""The sequence number of a process that has appended, or drained, nothing yet."""


def now(alias: str) -> float:
    """Return the database's time; reads the state table, so that missing tables are noticed too."""
    clock = InboxState.objects.using(alias).values_list(Clock(), flat=True).first()
    return float(clock) if clock is not None else make_state(alias, 0)


def make_state(alias: str, shard: int) -> float:
    """Make the state of a shard if there is none, with a new epoch; return the database's time.

    What an earlier state left in the inbox cannot be told from what is to come, and goes.
    """
    with transaction.atomic(using=alias):
        states = InboxState.objects.using(alias)
        mine = token_hex(16)
        states.bulk_create([InboxState(shard=shard, epoch=mine)], ignore_conflicts=True)
        epoch, clock = states.filter(shard=shard).values_list("epoch", Clock()).get()
        if epoch == mine:
            # Commit numbers go on above those of an earlier epoch, or roll-ups would take new cells for old ones.
            states.filter(shard=shard).update(commits=int(clock * 1000))
            InboxEntry.objects.using(alias).filter(shard=shard).delete()
            ProducerState.objects.using(alias).filter(shard=shard).delete()
    return float(clock)


def append(alias: str, shard: int, process: str, sequence: int, payload: bytes, limit_bytes: int) -> Appended:
    """Append in one transaction; see `Store.append`."""
    with transaction.atomic(using=alias):
        states = InboxState.objects.using(alias).filter(shard=shard)
        grown = {"position": F("position") + 1, "waiting_bytes": F("waiting_bytes") + len(payload)}
        if not states.update(**grown):
            make_state(alias, shard)
            states.update(**grown)
        epoch, position, waiting, clock = states.values_list("epoch", "position", "waiting_bytes", Clock()).get()
        if _is_duplicate(alias, shard, process, sequence, clock):
            transaction.set_rollback(True, using=alias)
            return Appended(epoch, clock, True, waiting - len(payload))
        if waiting > limit_bytes:
            raise InboxFull(f"{waiting - len(payload)} bytes wait in shard {shard}")
        InboxEntry.objects.using(alias).create(
            shard=shard, position=position, process=process, sequence=sequence,
            payload=payload, size=len(payload), appended_at=clock,
        )  # fmt: skip
    return Appended(epoch, clock, False, waiting)


def _is_duplicate(alias: str, shard: int, process: str, sequence: int, clock: float) -> bool:
    """Raise the guard of a process to a sequence number, or say that it is there already."""
    producers = ProducerState.objects.using(alias)
    mine = producers.filter(shard=shard, process=process)
    if mine.filter(appended__lt=sequence).update(appended=sequence, seen_at=clock):
        return False
    if mine.exists():
        return True
    producers.create(shard=shard, process=process, appended=sequence, seen_at=clock)
    return False


def entries(alias: str, shard: int, after: int, limit_bytes: int) -> list[Entry]:
    """Return what waits behind a position; see `Store.entries`."""
    behind = InboxEntry.objects.using(alias).filter(shard=shard, position__gt=after).order_by("position")
    last, total = None, 0
    for position, size in behind.values_list("position", "size")[:ROWS_A_STATEMENT]:
        if last is not None and total + size > limit_bytes:
            break
        last, total = position, total + size
    if last is None:
        return []
    rows = behind.filter(position__lte=last).values_list("position", "process", "sequence", "payload")
    return [Entry(position, process, sequence, bytes(payload)) for position, process, sequence, payload in rows]


def trim(alias: str, shard: int, upto: int, epoch: str) -> int:
    """Delete entries up to a position, in short transactions; see `Store.trim`."""
    done = 0
    while True:
        with transaction.atomic(using=alias):
            state = lock(alias, shard)
            if state is None or state.epoch != epoch:
                return done
            waiting = InboxEntry.objects.using(alias).filter(shard=shard)
            rows = waiting.filter(position__lte=upto).values_list("pk", "size")[:ROWS_A_STATEMENT]
            sizes = dict(rows)
            waiting.filter(pk__in=list(sizes)).delete()
            InboxState.objects.using(alias).filter(shard=shard).update(
                waiting_bytes=F("waiting_bytes") - sum(sizes.values())
            )
        done += len(sizes)
        if len(sizes) < ROWS_A_STATEMENT:
            return done


def lock(alias: str, shard: int) -> InboxState | None:
    """Lock and return the state of a shard until the transaction ends; SQLite has locked everything already."""
    return InboxState.objects.using(alias).select_for_update().filter(shard=shard).first()


def inbox_stats(alias: str, shard: int) -> InboxStats:
    """Return what waits; see `Store.inbox_stats`."""
    found = (
        InboxEntry.objects.using(alias)
        .filter(shard=shard)
        .aggregate(entries=Count("pk"), bytes=Sum("size"), age=Clock() - Min("appended_at"))
    )
    return InboxStats(found["entries"], found["bytes"] or 0, max(0.0, found["age"] or 0.0))


def cursor(alias: str, shard: int) -> Cursor:
    """Return the metrics consumer's cursor, making the state if there is none."""
    states = InboxState.objects.using(alias).filter(shard=shard)
    if not states.exists():
        make_state(alias, shard)
    return Cursor(*states.values_list("epoch", "cursor_position", "cursor_offset").get())


def producers(alias: str, shard: int, processes: Iterable[str]) -> dict[str, Producer]:
    """Return what the drain knows of processes."""
    known: dict[str, Producer] = {}
    drained = ProducerState.objects.using(alias).filter(shard=shard, drained__gt=NEVER)
    for names in slices(sorted(set(processes))):
        for row in drained.filter(process__in=names).values_list("process", "drained", "observations"):
            known[row[0]] = Producer(*row)
    return known
