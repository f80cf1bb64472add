"""Write drained error records into rows: groups, groupings, hourly counts, samples.

Runs inside the drain's transaction, together with its cursor: a batch is applied once, and one drainer at a time gets
through. A record that cannot be written raises, and the drain sets it aside.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..models.errors import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping
from ..stores.database.sql import upsert
from . import tallies
from .deltas import distinct_of, merge, worst

Key = tuple[str, int]
"""A fingerprint: (hash, version)."""

# SQLite takes at most 250,000 parameters today, but 999 in old builds.
_CHUNK = 500


def apply(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Add records (see `deltas`) to the tables on alias `using`. Raise for a record that is not one."""
    deltas = _merged(records)
    groups = _existing(deltas, using)
    _create_missing(deltas, groups, using)
    for key in sorted(groups):
        _add(groups[key], deltas[key], using)
    _add_hours(deltas, groups, using)
    _add_samples(deltas, groups, using)
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
    groups: dict[Key, ErrorGroup] = {}
    # Several fingerprints may lead to one group: what they add must meet in one object.
    known: dict[int, ErrorGroup] = {}
    hashes = sorted({key[0] for key in deltas})
    for start in range(0, len(hashes), _CHUNK):
        rows = Grouping.objects.using(using).select_related("group").filter(hash__in=hashes[start : start + _CHUNK])
        for grouping in rows:
            key = (grouping.hash, grouping.version)
            if key in deltas:
                groups[key] = known.setdefault(grouping.group_id, grouping.group)
    return groups


def _create_missing(deltas: dict[Key, dict[str, Any]], groups: dict[Key, ErrorGroup], using: str) -> None:
    """Make a group and its grouping for each new fingerprint; counts are added like to an old one."""
    new = sorted(key for key in deltas if key not in groups)
    created = ErrorGroup.objects.using(using).bulk_create([_new_group(deltas[key]) for key in new])
    groups.update(zip(new, created, strict=True))
    Grouping.objects.using(using).bulk_create(
        Grouping(group=groups[key], hash=key[0], version=key[1], components=list(deltas[key]["components"]))
        for key in new
    )


def _new_group(delta: dict[str, Any]) -> ErrorGroup:
    return ErrorGroup(
        type=delta["type"],
        severity=delta["severity"],
        first_seen=moment(delta["first"]),
        last_seen=moment(delta["first"]),
        first_release=delta.get("first_release", delta["release"]),
    )


def _add(group: ErrorGroup, delta: dict[str, Any], using: str) -> None:
    """Add a delta to its group: the newest occurrence gives the group its title, the state stays as people set it."""
    users = distinct_of(delta, group.users_sketch)
    seen = moment(delta["last"])
    group.count += int(delta["count"])
    group.users_sketch, group.users = users.pack(), users.estimate()
    group.severity = worst(group.severity, delta["severity"])
    fields = ["count", "users_sketch", "users", "severity", "first_seen", "last_seen"]
    group.first_seen = min(group.first_seen, moment(delta["first"]))
    if seen >= group.last_seen:
        group.last_seen = seen
        group.last_release = delta["release"]
        for name in ("type", "message", "culprit", "environment", "mechanism", "logger", "handled"):
            setattr(group, name, delta[name])
            fields.append(name)
        fields.append("last_release")
    group.save(using=using, update_fields=fields)
    _reopen(group, seen, using)


def _reopen(group: ErrorGroup, seen: datetime, using: str) -> None:
    """Open a resolved group that happened again after it was resolved; what was under way then does not count."""
    if group.state != ErrorGroup.State.RESOLVED or (group.state_changed_at and seen <= group.state_changed_at):
        return
    resolved = ErrorGroup.objects.using(using).filter(pk=group.pk, state=ErrorGroup.State.RESOLVED)
    if resolved.update(state=ErrorGroup.State.OPEN, state_changed_at=seen):
        ErrorActivity.objects.using(using).create(group=group, kind=ErrorActivity.Kind.REGRESSED, at=seen)


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


def _add_samples(deltas: dict[Key, dict[str, Any]], groups: dict[Key, ErrorGroup], using: str) -> None:
    events = [_event(groups[key].pk, sample) for key in sorted(deltas) for sample in deltas[key]["samples"]]
    ErrorEvent.objects.using(using).bulk_create(events, ignore_conflicts=True, batch_size=100)


def _event(group_id: int, sample: dict[str, Any]) -> ErrorEvent:
    columns = ("type", "message", "severity", "handled", "mechanism", "route", "user_pk", "request_id", "trace_id")
    return ErrorEvent(
        group_id=group_id,
        event_id=uuid.UUID(sample["event_id"]),
        occurred_at=moment(sample["at"]),
        release=sample["release"],
        environment=sample["environment"],
        host=sample["host"],
        details={**sample["details"], "client": sample["client"]},
        **{column: sample[column] for column in columns},
    )


def moment(seconds: float) -> datetime:
    """Return epoch seconds as an aware time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
