"""Making deploy marks, and reading those of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..conf import get_settings
from ..exceptions import InvalidDeploy
from ..models import Deploy
from ..stores.connection import own_connection

AHEAD = timedelta(minutes=5)
"""What two clocks may differ by; a mark further ahead would stand beside every axis."""

SHOWN = 100
"""Marks of a window; somebody who deploys every five minutes sees the newest eight hours of them."""

LIMITS = {"environment": 64, "release": 100, "by": 100, "note": 500}
"""Characters of the columns."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A deploy, and what `mark` did: `made` it, `completed` one that had been noticed, or nothing."""

    deploy: Deploy
    made: bool = False
    completed: bool = False


def mark(
    release: str,
    *,
    environment: str = "",
    at: datetime | None = None,
    by: str = "",
    note: str = "",
    again: bool = False,
) -> Marked:
    """Mark a deploy: `environment` is the setting's unless given, `at` (aware) is now.

    A release is marked once in an environment: another call changes nothing, but for a mark that a process made by
    itself, which takes over what is said here. With `again` it is one more, for a roll-back. Raise `InvalidDeploy`
    that names the argument, or a database error.
    """
    chosen = get_settings()
    wanted = Deploy(
        release=_text("release", release),
        environment=_text("environment", environment or chosen.ENVIRONMENT),
        at=_moment(at) if at is not None else timezone.now(),
        by=_text("by", by, may_be_empty=True),
        note=_text("note", note, may_be_empty=True),
    )
    with own_connection(chosen.DATABASE), transaction.atomic(using=chosen.DATABASE):
        earlier = Deploy.objects.using(chosen.DATABASE).filter(environment=wanted.environment, release=wanted.release)
        known = earlier.select_for_update().order_by("-repeat").first()
        if known is None or again:
            wanted.repeat = known.repeat + 1 if known is not None else 0
            return _insert(wanted, chosen.DATABASE)
        return _complete(known, wanted, at is not None)


def _insert(wanted: Deploy, using: str) -> Marked:
    try:
        with transaction.atomic(using=using):
            wanted.save(using=using, force_insert=True)
    except IntegrityError:
        # A process has noticed it, or somebody else has marked it, since the look.
        same = {"environment": wanted.environment, "release": wanted.release, "repeat": wanted.repeat}
        return Marked(Deploy.objects.using(using).get(**same))
    return Marked(wanted, made=True)


def _complete(known: Deploy, said: Deploy, at_said: bool) -> Marked:
    """Take over what a person says of a deploy that was only noticed."""
    if not known.noticed:
        return Marked(known)
    known.noticed, known.by, known.note = False, said.by, said.note
    if at_said:
        known.at = said.at
    known.save(update_fields=["noticed", "by", "note", "at"])
    return Marked(known, completed=True)


def _text(name: str, value: str, *, may_be_empty: bool = False) -> str:
    limit = LIMITS[name]
    text = value.strip()
    if not text and not may_be_empty:
        raise InvalidDeploy(f"{name}: must not be empty")
    if len(text) > limit:
        raise InvalidDeploy(f"{name}: at most {limit} characters, not {len(text)}")
    if not text.isprintable():
        raise InvalidDeploy(f"{name}: must be one line of printable characters, not {text[:40]!r}")
    return text


def _moment(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise InvalidDeploy("at: must be aware of its time zone")
    now, days = timezone.now(), get_settings().RETENTION.ROLLUPS
    if at > now + AHEAD:
        raise InvalidDeploy(f"at: {at.isoformat()} is in the future")
    if at < now - timedelta(days=days):
        raise InvalidDeploy(f"at: {at.isoformat()} is longer ago than marks are kept ({days} days)")
    return at


def moment(text: str) -> datetime:
    """Return the time that an ISO 8601 text names, in the project's zone where it names none, or `InvalidDeploy`."""
    try:
        found = parse_datetime(text)
    except ValueError as exc:
        raise InvalidDeploy(f"at: {exc} ({text[:40]!r})") from exc
    if found is None:
        raise InvalidDeploy(f"at: not a time such as 2026-11-24T09:30 or 2026-11-24T09:30:00Z: {text[:40]!r}")
    return found if found.tzinfo is not None else timezone.make_aware(found)


def between(start: float, end: float) -> Sequence[Deploy]:
    """Return this environment's newest marks in [start, end) (seconds since the epoch), oldest first.

    On whatever connection is there for the alias: a page reads in a block of its own.
    """
    chosen = get_settings()
    rows = Deploy.objects.using(chosen.DATABASE).filter(
        environment=chosen.ENVIRONMENT,
        at__gte=datetime.fromtimestamp(start, UTC),
        at__lt=datetime.fromtimestamp(end, UTC),
    )
    return list(rows.order_by("-at", "-pk")[:SHOWN])[::-1]
