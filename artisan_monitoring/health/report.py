"""From results to the answer: the overall status and the `application/health+json` payload.

Format: draft-inadarei-api-health-check-06, sections 3 and 4. What is not public stands only in `detailed()`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..conf import get_settings
from .base import Measurement, Result, Status, worst

CONTENT_TYPE = "application/health+json"
_STARTED_AT = time.monotonic()
_RANK_TEXT = {Status.PASS: "[+]", Status.WARN: "[!]", Status.FAIL: "[-]"}


def overall(results: Iterable[Result], *, forgive_shared: bool = False) -> Status:
    """Return the worst effect of all results; `forgive_shared` makes a failing shared dependency a warning."""
    return worst(
        Status.WARN if forgive_shared and result.check.shared and result.status is Status.FAIL else result.effect
        for result in results
    )


def timestamp(at: float) -> str:
    """Write a time (seconds since the epoch) in RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def detailed(results: Sequence[Result], notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the whole payload, for those with rights.

    `checks` maps "component:measurement" to a list of what was read; `time` is when: it keeps a cached answer honest.
    """
    settings = get_settings()
    payload: dict[str, Any] = {"status": str(overall(results)), "version": "1", "serviceId": settings.SERVICE}
    if settings.RELEASE:
        payload["releaseId"] = settings.RELEASE
    payload["description"] = f"health of {settings.SERVICE} ({settings.ENVIRONMENT})"
    if notes:
        payload["notes"] = list(notes)
    checks: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        for measurement in result.measurements or (_absent(result),):
            checks.setdefault(f"{result.check.name}:{measurement.name}", []).append(_entry(result, measurement))
    checks["uptime"] = [_uptime()]
    payload["checks"] = checks
    return payload


def _absent(result: Result) -> Measurement:
    return Measurement(result.check.measures, None, "", result.status, result.output)


def _entry(result: Result, measurement: Measurement) -> dict[str, Any]:
    check = result.check
    entry: dict[str, Any] = {"componentType": check.component_type, "status": str(measurement.status)}
    if check.component_id:
        entry["componentId"] = check.component_id
    if measurement.value is not None:
        entry["observedValue"] = measurement.value
        if measurement.unit:
            entry["observedUnit"] = measurement.unit
    entry["time"] = timestamp(result.at)
    if measurement.status is not Status.PASS:  # the draft: SHOULD be omitted for pass
        if measurement.output:
            entry["output"] = measurement.output
        if result.code:
            entry["code"] = result.code
        entry["critical"] = check.critical
    return entry


def _uptime() -> dict[str, Any]:
    seconds = round(time.monotonic() - _STARTED_AT, 1)
    return {
        "componentType": "system",
        "observedValue": seconds,
        "observedUnit": "s",
        "status": "pass",
        "time": timestamp(time.time()),
    }


def table(results: Sequence[Result]) -> str:
    """Return one line per measurement, for a terminal: a mark, the check, the value, what is wrong."""
    lines = []
    for result in results:
        for measurement in result.measurements or (_absent(result),):
            value = "" if measurement.value is None else f"{measurement.value} {measurement.unit}".strip()
            note = measurement.output if measurement.status is not Status.PASS else ""
            name = f"{result.check.key} {measurement.name}"
            lines.append(f"{_RANK_TEXT[measurement.status]} {name:<42} {value:<18} {note}".rstrip())
    return "\n".join([*lines, f"health: {overall(results)}"])
