"""The active alerts, kept in the store for quick reading."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, IntegerField, Value, When

from ..core.guard import guarded
from ..core.records import AlertSeverity
from ..models.alerts import Alert
from ..stores import get_store
from .rows import alerts
from .states import ACTIVE

NOTE = "alerts"
NAME = "active"
LIMIT = 100
"""No page shows more, and a note stays a few dozen kilobytes; the count is of all."""
TTL_S = 60.0
"""Four evaluations: when nobody evaluates any more, the rows are read."""


def active_alerts() -> list[dict[str, Any]]:
    """Return the firing and acknowledged alerts, most severe and then latest first, 100 at most.

    Each is `{"id", "rule", "severity", "state", "labels", "value", "why", "started_at", "fired_at", "acknowledged_by"}`
    with ISO times. They come from the store's cache; while that is empty or away, from the rows.
    """
    cached = _cached()
    return _read()[0] if cached is None else cached


def active_count() -> int:
    """Return how many alerts are firing or acknowledged."""
    with guarded("alerts.active_count"):
        note = get_store().notes(NOTE).get(NAME)
        if note is not None:
            return int(note.value["count"])
    return _read()[1]


def _cached() -> list[dict[str, Any]] | None:
    """Return the cached list; None when there is none."""
    with guarded("alerts.active_alerts"):
        note = get_store().notes(NOTE).get(NAME)
        if note is not None:
            return list(note.value["alerts"])
    return None


def publish_active_alerts() -> None:
    """Put the active alerts into the store. A store that is away is no reason to fail: rows are read then."""
    active, count = _read()
    with guarded("alerts.publish_active_alerts"):
        get_store().set_note(NOTE, NAME, {"alerts": active, "count": count}, TTL_S)


def _read() -> tuple[list[dict[str, Any]], int]:
    ranks = [When(severity=each.value, then=Value(each.rank)) for each in AlertSeverity]
    rank = Case(*ranks, default=Value(0), output_field=IntegerField())
    rows = alerts().filter(state__in=ACTIVE)
    described = [describe(alert) for alert in rows.order_by(rank.desc(), "-fired_at", "-pk")[:LIMIT]]
    return described, len(described) if len(described) < LIMIT else rows.count()


def describe(alert: Alert) -> dict[str, Any]:
    """Return one alert as JSON-able facts."""
    return {
        "id": alert.pk,
        "rule": alert.rule_name,
        "severity": alert.severity,
        "state": str(alert.state),
        "labels": alert.labels,
        "value": alert.value,
        "why": alert.why,
        "started_at": alert.started_at.isoformat(),
        "fired_at": alert.fired_at.isoformat() if alert.fired_at else None,
        "acknowledged_by": alert.acknowledged_by,
    }
