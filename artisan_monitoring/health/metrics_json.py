"""The JSON of `/health/metrics`: its shape is fixed, because people paste readers of it into their dashboards.

Times are in milliseconds. A step without requests has a count of 0, and no response time and no error rate: there is
none. Errors are answers of 500 and above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.module_loading import import_string

from ..core.histogram import Cell
from ..metrics.queries import Answered, requests

WINDOWS: dict[str, tuple[int, int]] = {
    "1h": (3_600, 60),
    "6h": (21_600, 360),
    "24h": (86_400, 1_800),
    "7d": (604_800, 10_800),
}
"""Window: its length and its step in seconds. 60 points at most; steps are whole stored slots (1 or 10 minutes)."""

MAX_ERRORS = 20

# By name, not by import: the rooms of errors and of health stand side by side.
RECENT_ERRORS = "artisan_monitoring.errors.recent.recent_errors"


def document(window: str, now: float) -> dict[str, Any]:
    """Return the document for a key of WINDOWS, up to `now` (seconds since the epoch)."""
    length_s, step_s = WINDOWS[window]
    end = (int(now) // step_s + 1) * step_s
    start = end - length_s
    steps = [float(at) for at in range(start, end, step_s) if at <= now]
    return {**shape(requests(start, end, step_s), steps), "recent_errors": import_string(RECENT_ERRORS)(MAX_ERRORS)}


def shape(slots: Mapping[int, Answered], steps: Sequence[float]) -> dict[str, Any]:
    """Return `metrics` and `summary` from slots of requests; slots outside `steps` are left out."""
    shown = [(at, slots.get(int(at)) or Answered()) for at in steps]
    busy = [(at, slot) for at, slot in shown if slot.cell.count]
    return {
        "metrics": {
            "response_times": [{"timestamp": _timestamp(at), **_times(slot.cell)} for at, slot in busy],
            "error_rates": [
                {"timestamp": _timestamp(at), "rate": round(slot.failed / slot.cell.count, 4)} for at, slot in busy
            ],
            "request_counts": [{"timestamp": _timestamp(at), "count": slot.cell.count} for at, slot in shown],
        },
        "summary": _summary([slot.cell for _, slot in busy], sum(slot.failed for _, slot in busy)),
    }


def _times(cell: Cell) -> dict[str, float | None]:
    return {
        "avg": _ms(cell.sum / cell.count),
        "p50": _ms(cell.quantile(0.5)),
        "p95": _ms(cell.quantile(0.95)),
        "p99": _ms(cell.quantile(0.99)),
        "max": _ms(cell.max),
    }


def _summary(cells: Sequence[Cell], errors: int) -> dict[str, float | int]:
    count = sum(cell.count for cell in cells)
    total_s = sum(cell.sum for cell in cells)
    average = _ms(total_s / count) if count else 0.0
    return {"total_errors": errors, "avg_response_time": average or 0.0, "total_requests": count}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
