"""Merge groups, split fingerprints off, and undo either: who, when and why is an activity that knows how.

What moves are fingerprints (`Grouping` rows) with all that is theirs: count, hours, users, samples (see `tallies`). A
group that was merged into another stays as a row that nobody lists, with its state and history, so that an undo finds
it again. Everything runs under the lock of the drain: what it adds to a row that it has read cannot be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ..conf import get_settings
from ..models import ConsumerCursor
from ..models.errors import ErrorActivity, ErrorEvent, ErrorGroup, Grouping, GroupingHour
from ..pipeline.purge import delete_in_batches
from ..stores.connection import own_connection
from . import tallies
from .states import Actor

Kind = ErrorActivity.Kind
State = ErrorGroup.State

MOST = 100
"""How many groups one merge takes: each is a few statements while the drain waits."""


class CannotRegroup(Exception):
    """Raised where a merge, split or undo is not possible; the message says why, for a person."""


def merge(
    target_pk: int, source_pks: Iterable[int], actor: Actor, *, comment: str = "", now: datetime | None = None
) -> ErrorActivity:
    """Merge groups into one; return the activity, which `undo` takes. Raise `CannotRegroup` if one is not there."""
    wanted = sorted(set(source_pks) - {target_pk})
    if not wanted:
        raise CannotRegroup("Choose at least two groups.")
    if len(wanted) >= MOST:
        raise CannotRegroup(f"Merge at most {MOST} groups at a time.")
    now = now or timezone.now()
    with _locked() as using:
        groups = _groups([target_pk, *wanted], using)
        target, sources = groups[target_pk], [groups[pk] for pk in wanted]
        unclear = sum(tallies.open_account(group, using) for group in (target, *sources))
        taken = [_take(source, target, now, using) for source in sources]
        tallies.settle(target, using)
        return _note(target, Kind.MERGED, actor, comment, now, using, groups=taken, unclear=unclear)


def split(
    group_pk: int, grouping_pks: Iterable[int], actor: Actor, *, comment: str = "", now: datetime | None = None
) -> ErrorActivity:
    """Move fingerprints of a group into a new one, of which `details["into"]` is the key; return the activity."""
    now = now or timezone.now()
    with _locked() as using:
        group = _groups([group_pk], using)[group_pk]
        of_group = Grouping.objects.using(using).filter(group=group)
        moving = list(of_group.filter(pk__in=list(grouping_pks)).order_by("pk"))
        if not moving or len(moving) == of_group.count():
            raise CannotRegroup("Choose some of the group's fingerprints, and leave it at least one.")
        unclear = tallies.open_account(group, using)
        new = ErrorGroup(type=group.type, first_seen=group.first_seen, last_seen=group.last_seen)
        new.save(using=using, force_insert=True)
        _move(moving, group, new, using)
        tallies.settle(group, using)
        tallies.settle(new, using)
        told = {"groupings": [each.pk for each in moving], "unclear": unclear}
        _note(new, Kind.SPLIT, actor, comment, now, using, origin=group.pk)
        return _note(group, Kind.SPLIT, actor, comment, now, using, into=new.pk, **told)


def undo(activity_pk: int, actor: Actor, *, comment: str = "", now: datetime | None = None) -> ErrorActivity:
    """Take a merge or split back, with what has come in since; return the activity that says so.

    Fingerprints that were moved on meanwhile stay where they are: `details["elsewhere"]` of the answer counts them.
    """
    now = now or timezone.now()
    with _locked() as using:
        activity = ErrorActivity.objects.using(using).select_for_update().filter(pk=activity_pk).first()
        if activity is None or not can_undo(activity):
            raise CannotRegroup("This cannot be undone, or was undone already.")
        group = _groups([activity.group_id], using)[activity.group_id]
        tallies.open_account(group, using)
        steps = _undo_merge if activity.kind == Kind.MERGED else _undo_split
        elsewhere = steps(activity.details, group, now, using)
        if not Grouping.objects.using(using).filter(group=group).exists():
            raise CannotRegroup("That would leave this group without a fingerprint: undo the split before.")
        tallies.settle(group, using)
        note = _note(group, Kind.UNDONE, actor, comment, now, using, of=activity.pk, elsewhere=elsewhere)
        activity.details = {**activity.details, "undone": note.pk}
        activity.save(using=using, update_fields=["details"])
        return note


def can_undo(activity: ErrorActivity) -> bool:
    """Say whether an activity is a merge or split that nobody has taken back yet."""
    details = activity.details if isinstance(activity.details, dict) else {}
    return activity.kind in (Kind.MERGED, Kind.SPLIT) and "undone" not in details and "origin" not in details


def merged_into(group_pk: int) -> int | None:
    """Return the group that a merged one is in now, or nothing."""
    groups = ErrorGroup.everything.using(router.db_for_read(ErrorGroup))
    for _ in range(20):  # merged into one that was merged, and so on
        row = groups.filter(pk=group_pk).values_list("state", "merged_into_id").first()
        if row is None or (row[0] == ErrorGroup.MERGED and row[1] is None):
            return None
        if row[0] != ErrorGroup.MERGED:
            return group_pk
        group_pk = row[1]
    return None


@contextmanager
def _locked() -> Iterator[str]:
    """Run the block in a transaction that no drain and no other merge runs beside."""
    using = router.db_for_write(ErrorGroup)
    # A connection of our own: on SQLite its transactions take the write lock before they read.
    with own_connection(using), transaction.atomic(using=using):
        list(ConsumerCursor.objects.using(using).select_for_update().order_by("pk"))
        yield using


def _groups(pks: Sequence[int], using: str) -> dict[int, ErrorGroup]:
    groups = {
        group.pk: group
        for group in ErrorGroup.objects.using(using).select_for_update().filter(pk__in=pks).order_by("pk")
    }
    if len(groups) < len(set(pks)):
        raise CannotRegroup("One of the groups is gone, or was merged into another meanwhile.")
    return groups


def _take(source: ErrorGroup, target: ErrorGroup, now: datetime, using: str) -> dict[str, Any]:
    """Move all of a group into another, hide it, and return what an undo has to know."""
    moving = list(Grouping.objects.using(using).filter(group=source).order_by("pk"))
    told = {
        "pk": source.pk,
        "title": str(source),
        "count": source.count,
        "state": source.state,
        "groupings": [each.pk for each in moving],
    }
    _move(moving, source, target, using)
    _hide(source, target, now, using)
    return told


def _move(groupings: Sequence[Grouping], source: ErrorGroup, target: ErrorGroup, using: str) -> None:
    pks = [each.pk for each in groupings]
    Grouping.objects.using(using).filter(pk__in=pks).update(group=target)
    ErrorEvent.objects.using(using).filter(group=source, grouping__in=pks).update(group=target)


def _hide(group: ErrorGroup, target: ErrorGroup, now: datetime, using: str) -> None:
    """Leave of a group the row alone, which an undo brings back."""
    tallies.settle(group, using)
    group.state, group.merged_into, group.merged_at = ErrorGroup.MERGED, target, now
    group.save(using=using, update_fields=["state", "merged_into", "merged_at"])


def _undo_merge(details: dict[str, Any], group: ErrorGroup, now: datetime, using: str) -> int:
    elsewhere = 0
    hidden = ErrorGroup.everything.using(using).select_for_update()
    for taken in details["groups"]:
        back = list(Grouping.objects.using(using).filter(pk__in=taken["groupings"], group=group).order_by("pk"))
        elsewhere += len(taken["groupings"]) - len(back)
        source = hidden.filter(pk=taken["pk"], state=ErrorGroup.MERGED, merged_into=group).first()
        if not back:
            continue
        if source is None:  # past its retention: what it was is known, its history is not
            source = ErrorGroup(type=group.type, first_seen=group.first_seen, last_seen=group.last_seen)
            source.save(using=using, force_insert=True)
        _move(back, group, source, using)
        tallies.settle(source, using)
        source.state, source.merged_into, source.merged_at = taken["state"], None, None
        source.save(using=using, update_fields=["state", "merged_into", "merged_at"])
    return elsewhere


def _undo_split(details: dict[str, Any], group: ErrorGroup, now: datetime, using: str) -> int:
    new = ErrorGroup.objects.using(using).select_for_update().filter(pk=details["into"]).first()
    if new is None:
        raise CannotRegroup("The group that was split off is gone, or was merged into another meanwhile.")
    tallies.open_account(new, using)
    moving = list(Grouping.objects.using(using).filter(group=new).order_by("pk"))
    back = [each for each in moving if each.pk in details["groupings"]]
    _move(back, new, group, using)
    if len(back) == len(moving):
        _hide(new, group, now, using)
    else:
        tallies.settle(new, using)
    return len(details["groupings"]) - len(back)


def _note(
    group: ErrorGroup, kind: str, actor: Actor, comment: str, now: datetime, using: str, **details: object
) -> ErrorActivity:
    return ErrorActivity.objects.using(using).create(
        group=group,
        kind=kind,
        at=now,
        by_pk=actor.pk[:64],
        by_label=actor.label[:150],
        comment=comment,
        details=details,
    )


def purge(now: datetime) -> int:
    """Delete hours of fingerprints past `RETENTION["ERRORS"]`, and what merges left that long ago; return the rows."""
    before = now - timedelta(days=get_settings().RETENTION.ERRORS)
    using = router.db_for_write(ErrorGroup)
    deleted = delete_in_batches(GroupingHour.objects.using(using).filter(hour__lt=before))
    left = ErrorGroup.everything.using(using).filter(state=ErrorGroup.MERGED, merged_at__lt=before)
    deleted += delete_in_batches(ErrorActivity.objects.using(using).filter(group__in=left.values("pk")))
    return deleted + delete_in_batches(left)
