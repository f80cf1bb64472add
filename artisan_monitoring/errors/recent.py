"""The latest errors in the shape of `/health/metrics`."""

from __future__ import annotations

from ..models.errors import ErrorGroup


def recent_errors(limit: int = 10) -> list[dict[str, object]]:
    """Return the groups seen last, newest first; `last_seen` is ISO 8601. One query."""
    groups = ErrorGroup.objects.order_by("-last_seen", "-pk")[:limit]
    fields = ("pk", "type", "message", "severity", "state", "count", "last_seen")
    return [
        {
            "id": pk,
            "type": type_,
            "message": message,
            "severity": severity,
            "state": state,
            "count": count,
            "last_seen": last_seen.isoformat(),
        }
        for pk, type_, message, severity, state, count, last_seen in groups.values_list(*fields)
    ]
