"""What each fingerprint of a merged group has contributed to it, so that a merge or split is exact both ways.

A group with one fingerprint needs none of this: its row is the tally. With a second one, each fingerprint has a tally
of its own (`Grouping.tally`), hours of its own (`GroupingHour`) and samples of its own (`ErrorEvent.grouping`), and the
group is their sum. A tally is JSON: `count`, `first` and `last` (epoch seconds), `sketch` of users, `severity` (the
highest), `first_release`, `last_release`, and the title fields of the latest occurrence.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, TypeAlias

from django.db import models
from django.db.models import Sum

from ..core.distinct import Distinct
from ..models.errors import ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping, GroupingHour
from ..stores.database.sql import slices, upsert
from .deltas import distinct_of, worst
from .keeping import searchable

Tally: TypeAlias = dict[str, Any]

TITLE = ("type", "message", "culprit", "environment", "mechanism", "logger", "handled")


def of_group(group: ErrorGroup) -> Tally:
    """Return what a group's row says, as a tally."""
    return {
        "count": group.count,
        "first": group.first_seen.timestamp(),
        "last": group.last_seen.timestamp(),
        "sketch": group.users_sketch,
        "severity": group.severity,
        "first_release": group.first_release,
        "last_release": group.last_release,
        "samples": group.samples,
        "search": group.search,
        **{name: getattr(group, name) for name in TITLE},
    }


def nothing_of(group: ErrorGroup) -> Tally:
    """Return the tally of a fingerprint of which it is not known what it contributed."""
    return {**of_group(group), "count": 0, "sketch": ""}


def add_deltas(deltas: Mapping[tuple[str, int], Mapping[str, Any]], using: str) -> None:
    """Add what the sink has added to groups to the tallies too, of the fingerprints that have one."""
    hours: dict[tuple[int, datetime], int] = {}
    for chunk in slices(sorted({hash_ for hash_, _ in deltas})):
        shared = Grouping.objects.using(using).filter(hash__in=chunk, tally__isnull=False).order_by("pk")
        for grouping in shared:
            delta = deltas.get((grouping.hash, grouping.version))
            if delta is None:
                continue
            _add(grouping, delta)
            grouping.save(using=using, update_fields=["tally"])
            events = [uuid.UUID(sample["event_id"]) for sample in delta["samples"]]
            ErrorEvent.objects.using(using).filter(event_id__in=events).update(grouping=grouping)
            for hour, count in delta["hours"].items():
                at = (grouping.pk, datetime.fromtimestamp(int(hour), UTC))
                hours[at] = hours.get(at, 0) + int(count)
    add_hours(hours, using)


def _add(grouping: Grouping, delta: Mapping[str, Any]) -> None:
    tally: Tally = grouping.tally or {}
    tally["count"] += int(delta["count"])
    tally["sketch"] = distinct_of(dict(delta), tally["sketch"]).pack()
    tally["severity"] = worst(tally["severity"], delta["severity"])
    tally["samples"] += len(delta["samples"])
    if delta["first"] < tally["first"]:
        tally["first"] = delta["first"]
    if delta["last"] >= tally["last"]:
        tally["last"], tally["last_release"] = delta["last"], delta["release"]
        tally.update({name: delta[name] for name in TITLE})


def add_hours(counts: Mapping[tuple[int, datetime], int], using: str) -> None:
    """Add counts of (fingerprint's key, hour)."""
    for chunk in slices(sorted(counts)):
        known = GroupingHour.objects.using(using).filter(
            grouping_id__in={pk for pk, _ in chunk}, hour__in={hour for _, hour in chunk}
        )
        stored = {(row.grouping_id, row.hour): row.count for row in known}
        rows = [
            GroupingHour(grouping_id=pk, hour=hour, count=counts[pk, hour] + stored.get((pk, hour), 0))
            for pk, hour in chunk
        ]
        upsert(using, rows, ("grouping", "hour"), ("count",))


def open_account(group: ErrorGroup, using: str) -> int:
    """Give each fingerprint of a group its tally, hours and samples; return how many occurrences cannot be told apart.

    A lone fingerprint has all that the group has. Of several without tallies (no version of this app leaves such) the
    oldest gets what nobody else accounts for.
    """
    groupings = list(Grouping.objects.using(using).filter(group=group).order_by("pk"))
    missing = [each for each in groupings if each.tally is None]
    if not missing:
        return 0
    first = missing[0]
    known = sum(each.tally["count"] for each in groupings if each.tally is not None)
    for grouping in missing:
        grouping.tally = nothing_of(group)
    rest = max(0, group.count - known)
    first.tally = {**of_group(group), "count": rest}
    for grouping in missing:
        grouping.save(using=using, update_fields=["tally"])
    _give_hours(group, first, using)
    ErrorEvent.objects.using(using).filter(group=group, grouping=None).update(grouping=first)
    return rest if len(missing) > 1 else 0


def _give_hours(group: ErrorGroup, grouping: Grouping, using: str) -> None:
    """Note a group's hours, less what its other fingerprints account for, as those of one fingerprint."""
    table = GroupingHour.objects.using(using)
    accounted = _sums(table.filter(grouping__group=group))
    hours = ErrorHourlyCount.objects.using(using).filter(group=group)
    rest = {
        (grouping.pk, hour): count - accounted.get(hour, 0)
        for hour, count in hours.values_list("hour", "count")
        if count > accounted.get(hour, 0)
    }
    add_hours(rest, using)


def _sums(hours: models.QuerySet[GroupingHour]) -> dict[datetime, int]:
    return {each["hour"]: each["total"] for each in hours.order_by().values("hour").annotate(total=Sum("count"))}


def settle(group: ErrorGroup, using: str) -> None:
    """Make a group the sum of its fingerprints again, after some came or went; a lone one needs no tally any more."""
    groupings = list(Grouping.objects.using(using).filter(group=group).order_by("pk"))
    tallies = [each.tally for each in groupings if each.tally is not None]
    sum_up(group, tallies)
    group.save(using=using, update_fields=SUMMED)
    hours = _sums(GroupingHour.objects.using(using).filter(grouping__group=group))
    ErrorHourlyCount.objects.using(using).filter(group=group).delete()
    rows = [ErrorHourlyCount(group=group, hour=hour, count=count) for hour, count in sorted(hours.items())]
    ErrorHourlyCount.objects.using(using).bulk_create(rows, batch_size=500)
    if len(groupings) == 1:
        Grouping.objects.using(using).filter(pk=groupings[0].pk).update(tally=None)
        GroupingHour.objects.using(using).filter(grouping=groupings[0]).delete()


SUMMED = (
    "count", "samples", "search", "users", "users_sketch", "severity",
    "first_seen", "last_seen", "first_release", "last_release", *TITLE,
)  # fmt: skip


def sum_up(group: ErrorGroup, tallies: Sequence[Tally]) -> None:
    """Set a group's counts and title by its tallies; without any, its counts are nought and its title stays."""
    users = Distinct()
    for tally in tallies:
        users.merge(Distinct.unpack(tally["sketch"]))
    group.count = sum(tally["count"] for tally in tallies)
    group.samples = sum(tally["samples"] for tally in tallies)
    group.users_sketch, group.users = users.pack(), users.estimate()
    if not tallies:
        return
    earliest = min(tallies, key=lambda tally: float(tally["first"]))
    latest = max(tallies, key=lambda tally: float(tally["last"]))
    group.first_seen = datetime.fromtimestamp(earliest["first"], UTC)
    group.last_seen = datetime.fromtimestamp(latest["last"], UTC)
    group.first_release, group.last_release = earliest["first_release"], latest["last_release"]
    for name in TITLE:
        setattr(group, name, latest[name])
    # What the fingerprints were found by adds up; the title is the latest's.
    terms = dict.fromkeys(line for tally in tallies for line in tally["search"].split("\n")[3:])
    group.search = "\n".join(["", "", "", *terms])
    group.search = searchable(group, ())
    if not group.severity_fixed:
        group.severity = reduce(worst, (tally["severity"] for tally in tallies))
