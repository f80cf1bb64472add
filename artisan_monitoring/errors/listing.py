"""Groups as a table for a terminal or as JSON for a program: what `manage.py monitoring_errors` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from ..models.errors import ErrorGroup

FIELDS = (
    "type", "message", "culprit", "severity", "state", "count", "users", "first_seen", "last_seen", "first_release",
    "last_release", "environment", "assignee_label",
)  # fmt: skip
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_MINUTES = {"m": 1, "h": 60, "d": 1_440, "w": 10_080}
_HEAD = ("id", "severity", "state", "count", "users", "last seen", "error")
_ERROR_WIDTH = 100


def since_of(text: str, now: datetime) -> datetime:
    """Return the time meant by `90m`, `24h`, `7d`, `2w`, a date or a time; raise `ValueError` for anything else."""
    if ago := _AGO.fullmatch(text):
        return now - timedelta(minutes=int(ago[1]) * _MINUTES[ago[2]])
    day = parse_date(text)
    moment = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001  # made aware below
    if moment is None:
        raise ValueError(f"{text!r} is no time: write 24h, 7d, 2026-05-04 or 2026-05-04T12:00")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def as_dicts(groups: Iterable[ErrorGroup]) -> list[dict[str, Any]]:
    """Return groups as JSON-able values; times are ISO 8601."""
    rows = []
    for group in groups:
        values = ((name, getattr(group, name)) for name in FIELDS)
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}
        rows.append({"id": group.pk, **plain})
    return rows


def as_table(groups: Iterable[ErrorGroup]) -> str:
    """Return groups as lines of text, one each. Control characters, with which a message could move the cursor, go."""
    rows = [_HEAD, *(_row(group) for group in groups)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEAD) - 1)]
    numbers = {0, 3, 4}
    return "\n".join(
        "  ".join(
            text.rjust(width) if index in numbers else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, [*widths, 0], strict=True))
        ).rstrip()
        for row in rows
    )


def _row(group: ErrorGroup) -> tuple[str, ...]:
    text = f"{group.type}: {group.message}" if group.message else group.type
    shown = "".join(each if each.isprintable() else " " for each in text)
    seen = f"{timezone.localtime(group.last_seen):%Y-%m-%d %H:%M}"
    cut = shown if len(shown) <= _ERROR_WIDTH else shown[: _ERROR_WIDTH - 1] + "…"
    return str(group.pk), group.severity, group.state, f"{group.count:,}", f"{group.users:,}", seen, cut
