"""What a group is after it happened again: its state by `core.standing`, its severity by `core.severity`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..core.records import AlertSeverity
from ..core.severity import Facts, adjusted, ruled
from ..core.standing import MUTED, RESOLVED, Happened, Standing, after
from ..models.errors import ErrorActivity, ErrorGroup
from .answered import MECHANISM as ANSWERED
from .deltas import worst
from .keeping import frames_of
from .rules import severity_rules

EXPLICIT = frozenset({"track_error"})
"""Whoever calls it says how bad it is: only a rule of the settings says otherwise."""


def move(
    group: ErrorGroup, delta: Mapping[str, Any], newer: Callable[[str, str], bool]
) -> tuple[ErrorActivity | None, bool]:
    """Put the group where the delta leads; return the activity if its state changed, and whether anything did."""
    if group.state not in (RESOLVED, MUTED):
        return None, False
    standing = _standing(group)
    moved, change = after(standing, _happened(delta), newer)
    if moved == standing:
        return None, False
    group.mute_counted = [list(slot) for slot in moved.counted]
    if change is None:
        return None, True
    at = datetime.fromtimestamp(moved.since, UTC)
    group.state, group.state_changed_at = moved.state, at
    group.resolution, group.muted_until, group.mute_limit, group.mute_period_s = "", None, 0, 0
    # What was claimed stays readable beside the regression.
    group.resolved_release = moved.release
    return ErrorActivity(group=group, kind=change.kind, at=at, reason=change.reason), True


def _standing(group: ErrorGroup) -> Standing:
    return Standing(
        state=group.state,
        since=group.state_changed_at.timestamp() if group.state_changed_at else 0.0,
        resolution=group.resolution,
        release=group.resolved_release,
        muted_until=group.muted_until.timestamp() if group.muted_until else None,
        limit=group.mute_limit,
        period_s=group.mute_period_s,
        counted=tuple((float(at), int(count)) for at, count in group.mute_counted),
    )


def _happened(delta: Mapping[str, Any]) -> Happened:
    """Spread a delta over time: an hour's count lies at the hour's end or at the latest occurrence, what is earlier."""
    first, last = float(delta["first"]), float(delta["last"])
    counts = [(max(first, min(last, int(hour) + 3_599.0)), int(count)) for hour, count in delta["hours"].items()]
    releases = [(first, str(delta.get("first_release", delta["release"]))), (last, str(delta["release"]))]
    return Happened(tuple(counts), tuple(dict.fromkeys(releases)))


def rate(group: ErrorGroup, delta: Mapping[str, Any]) -> None:
    """Set the group's severity: what a person chose, else what a rule of the settings says, else the worst seen."""
    given = AlertSeverity(delta["severity"])
    if group.severity_fixed:
        return
    facts = _facts(group, delta)
    if (said := ruled(facts, severity_rules())) is not None:
        group.severity = said.value
        return
    explicit = delta["mechanism"] in EXPLICIT
    group.severity = worst(group.severity, given if explicit else adjusted(given, facts).value)


def _facts(group: ErrorGroup, delta: Mapping[str, Any]) -> Facts:
    return Facts(
        type=group.type,
        handled=bool(delta["handled"]),
        mechanism=str(delta["mechanism"]),
        status=_status(delta),
        in_app=_in_app(delta["samples"]),
        age_s=max(0.0, float(delta["last"]) - group.first_seen.timestamp()),
        users=group.users,
    )


def _status(delta: Mapping[str, Any]) -> int | None:
    """Return the answer's status, where a sample of an exception that Django answered has it (see `answered`)."""
    if delta["mechanism"] != ANSWERED:
        return None  # a context of the project's own may have a status too
    for sample in delta["samples"]:
        context = sample["details"].get("context")
        status = context.get("status") if isinstance(context, Mapping) else None
        if isinstance(status, str) and status.isdecimal():
            return int(status)
    return None


def _in_app(samples: Sequence[Mapping[str, Any]]) -> bool | None:
    """Say whether a frame is the project's own; None where no sample tells."""
    frames = [frame for sample in samples for frame in frames_of(sample["details"])]
    return any(frame.get("in_app") for frame in frames) if frames else None
