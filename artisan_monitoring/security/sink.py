"""Writes drained security records as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..core.records import AlertSeverity
from ..models import SecurityEvent
from .events import WINDOW_S, merge

_NAMES = "event rule client user_pk subject method path route user_agent request_id trace_id"
_TEXTS = tuple(_NAMES.split())


def apply(records: Sequence[dict[str, Any]], *, using: str) -> None:
    """Insert one row per event, rule, client and ten seconds: the sink of the kind `security`.

    Records of several processes merge here. Raises KeyError, TypeError or ValueError for a record that is none.
    """
    merged: dict[tuple[object, ...], dict[str, Any]] = {}
    for each in records:
        window = int(each["first_seen"] // WINDOW_S)
        key = (each["event"], each["rule"], each["client"], each["user_pk"], window)
        if key in merged:
            merge(merged[key], each)
        else:
            merged[key] = {**each, "details": dict(each["details"])}
    rows = [_row(each) for each in sorted(merged.values(), key=lambda each: float(each["first_seen"]))]
    SecurityEvent.objects.using(using).bulk_create(rows, batch_size=200)


def _row(each: dict[str, Any]) -> SecurityEvent:
    status = each["status"]
    return SecurityEvent(
        **{name: str(each[name]) for name in _TEXTS},
        severity=AlertSeverity(each["severity"]),
        score=min(int(each["score"]), 32_000),
        count=int(each["count"]),
        first_seen=datetime.fromtimestamp(float(each["first_seen"]), UTC),
        last_seen=datetime.fromtimestamp(float(each["last_seen"]), UTC),
        status=None if status is None else int(status),
        details=each["details"],
    )
