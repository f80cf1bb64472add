"""Write drained error records into rows: groups, groupings, hourly counts, samples.

Runs inside the drain's transaction, together with its cursor: a batch is applied once, and one drainer at a time gets
through. A record that cannot be written raises, and the drain sets it aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..core.records import AlertSeverity
from ..core.releases import is_newer
from ..models.errors import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, ErrorRelease, Grouping
from ..stores.database.sql import upsert
from . import judging, tallies
from .deltas import distinct_of, merge
from .keeping import event_of, searchable
from .states import CHANGEABLE

Key = tuple[str, int]
"""A fingerprint: (hash, version)."""

# SQLite takes at most 250,000 parameters today, but 999 in old builds.
_CHUNK = 500


def apply(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Add records (see `deltas`) to the tables on alias `using`. Raise for a record that is not one."""
    deltas = _merged(records)
    groups = _existing(deltas, using)
    new = _create_missing(deltas, groups, using)
    newer = _order_of_releases(deltas, groups, using)
    activities: list[ErrorActivity] = []
    events: list[ErrorEvent] = []
    for key in sorted(groups):
        group, delta = groups[key], deltas[key]
        fields = _add(group, delta)
        activity, moved = judging.move(group, delta, newer)
        activities += [activity] if activity is not None else []
        events += _samples(group, delta, keep=key in new or activity is not None)
        group.save(using=using, update_fields=[*fields, *(CHANGEABLE if moved else ())])
    ErrorActivity.objects.using(using).bulk_create(activities)
    _add_hours(deltas, groups, using)
    ErrorEvent.objects.using(using).bulk_create(events, ignore_conflicts=True, batch_size=100)
    tallies.add_deltas(deltas, using)


def _merged(records: Iterable[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    merged: dict[Key, dict[str, Any]] = {}
    for record in records:
        key = (str(record["hash"]), int(record["version"]))
        copy = {**record, "hours": dict(record["hours"]), "users": dict(record["users"])}
        if key in merged:
            merge(merged[key], copy)
        else:
            merged[key] = copy
    return merged


def _existing(deltas: dict[Key, dict[str, Any]], using: str) -> dict[Key, ErrorGroup]:
    """Return the groups that there are, locked: what a person decides meanwhile waits, or was decided before."""
    found: dict[Key, int] = {}
    hashes = sorted({key[0] for key in deltas})
    for start in range(0, len(hashes), _CHUNK):
        rows = Grouping.objects.using(using).filter(hash__in=hashes[start : start + _CHUNK])
        found.update(((hash_, version), pk) for hash_, version, pk in rows.values_list("hash", "version", "group_id"))
    wanted = sorted({pk for key, pk in found.items() if key in deltas})
    # Several fingerprints may lead to one group: what they add must meet in one object.
    groups: dict[int, ErrorGroup] = {}
    for start in range(0, len(wanted), _CHUNK):
        locked = ErrorGroup.objects.using(using).select_for_update().order_by("pk")
        groups.update((group.pk, group) for group in locked.filter(pk__in=wanted[start : start + _CHUNK]))
    return {key: groups[pk] for key, pk in found.items() if key in deltas and pk in groups}


def _create_missing(deltas: dict[Key, dict[str, Any]], groups: dict[Key, ErrorGroup], using: str) -> set[Key]:
    """Make a group and its grouping for each new fingerprint; counts are added like to an old one."""
    new = sorted(key for key in deltas if key not in groups)
    created = ErrorGroup.objects.using(using).bulk_create([_new_group(deltas[key]) for key in new])
    groups.update(zip(new, created, strict=True))
    Grouping.objects.using(using).bulk_create(
        Grouping(group=groups[key], hash=key[0], version=key[1], components=list(deltas[key]["components"]))
        for key in new
    )
    return set(new)


def _order_of_releases(
    deltas: dict[Key, dict[str, Any]], groups: dict[Key, ErrorGroup], using: str
) -> Callable[[str, str], bool]:
    """Note releases not seen before, and return how releases are ordered (see `core.releases`)."""
    seen: dict[str, float] = {}
    for delta in deltas.values():
        for name, at in ((delta.get("first_release"), delta["first"]), (delta["release"], delta["last"])):
            if name:
                seen[name] = min(at, seen.get(name, at))
    claimed = {group.resolved_release for group in groups.values()} - {""}
    table = ErrorRelease.objects.using(using)
    known = {row.name: row.first_seen.timestamp() for row in table.filter(name__in={*seen, *claimed})}
    new = [ErrorRelease(name=name, first_seen=moment(seen[name])) for name in sorted(seen) if name not in known]
    if new:
        table.bulk_create(new, ignore_conflicts=True)
    return partial(is_newer, first_seen={**seen, **known})


def _new_group(delta: dict[str, Any]) -> ErrorGroup:
    return ErrorGroup(
        type=delta["type"],
        severity=AlertSeverity.LOW.value,  # the lowest: see judging.rate
        first_seen=moment(delta["first"]),
        last_seen=moment(delta["first"]),
        first_release=delta.get("first_release", delta["release"]),
    )


def _add(group: ErrorGroup, delta: dict[str, Any]) -> list[str]:
    """Add a delta to its group, which takes its title from the newest occurrence; return the columns that changed."""
    users = distinct_of(delta, group.users_sketch)
    seen = moment(delta["last"])
    group.count += int(delta["count"])
    group.users_sketch, group.users = users.pack(), users.estimate()
    fields = ["count", "users_sketch", "users", "severity", "first_seen", "last_seen"]
    group.first_seen = min(group.first_seen, moment(delta["first"]))
    if seen >= group.last_seen:
        group.last_seen = seen
        group.last_release = delta["release"]
        for name in ("type", "message", "culprit", "environment", "mechanism", "logger", "handled"):
            setattr(group, name, delta[name])
            fields.append(name)
        fields.append("last_release")
    judging.rate(group, delta)
    search = searchable(group, delta["samples"])
    if search != group.search:
        group.search = search
        fields.append("search")
    return [*fields, "samples"] if delta["samples"] else fields


def _samples(group: ErrorGroup, delta: dict[str, Any], *, keep: bool) -> list[ErrorEvent]:
    """Return the samples of a delta as rows; the first of those that changed the group's state is to be kept."""
    return [event_of(group, sample, keep=keep and not index) for index, sample in enumerate(delta["samples"])]


def _add_hours(deltas: dict[Key, dict[str, Any]], groups: dict[Key, ErrorGroup], using: str) -> None:
    counts: dict[tuple[int, datetime], int] = {}
    for key, delta in deltas.items():
        for hour, count in delta["hours"].items():
            at = (groups[key].pk, moment(int(hour)))
            counts[at] = counts.get(at, 0) + int(count)
    table = ErrorHourlyCount.objects.using(using)
    wanted = sorted(counts)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        known = table.filter(group_id__in={pk for pk, _ in chunk}, hour__in={hour for _, hour in chunk})
        stored = {(row.group_id, row.hour): row.count for row in known}
        rows = [
            ErrorHourlyCount(group_id=pk, hour=hour, count=counts[pk, hour] + stored.get((pk, hour), 0))
            for pk, hour in chunk
        ]
        upsert(using, rows, ("group", "hour"), ("count",))


def moment(seconds: float) -> datetime:
    """Return epoch seconds as an aware time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
