"""The job `run_health_checks`: every check on a timer, its standing published to all processes, metrics and log."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..conf import get_settings
from ..core.guard import guarded
from ..metrics.collector import metrics_collector
from ..metrics.selfmetrics import record_deployment
from ..stores import get_store
from . import PERIOD_S, registry
from .base import Result, Status, worst
from .hysteresis import Standing, step
from .prober import prober

NOTE_KIND = "health"
NOTE_NAME = "snapshot"
_TTL_S = 86_400.0  # outlives a night without jobs: its age then says what is wrong
_LEVELS = {Status.PASS: logging.INFO, Status.WARN: logging.WARNING, Status.FAIL: logging.ERROR}
_GAUGES = {Status.PASS: 1.0, Status.WARN: 0.5, Status.FAIL: 0.0}
_logger = logging.getLogger("artisan_monitoring.health")


def run_health_checks() -> None:
    """Run the checks of `DETAILED`, move their standings, publish them, record metrics, log each change."""
    health = get_settings().HEALTH
    results = prober.collect(registry.checks("DETAILED"), max_age_s=PERIOD_S / 2, budget_s=health.DETAILED_BUDGET_S)
    store = get_store()
    note = store.notes(NOTE_KIND).get(NOTE_NAME)
    before = _standings(note.value if note else {})
    after = {
        result.check.key: step(
            before.get(result.check.key),
            result.status,
            result.at,
            fail_after=health.FAIL_AFTER,
            recover_after=health.RECOVER_AFTER,
        )
        for result in results
    }
    store.set_note(NOTE_KIND, NOTE_NAME, _published(results, after), _TTL_S)
    for result in results:
        _record(result)
        _tell(result, before.get(result.check.key), after[result.check.key])
    with guarded("health.record_deployment"):
        record_deployment(store)


def published() -> dict[str, Any] | None:
    """Return the last snapshot with its `age_s`; None when no job has run. Reads the store.

    `{"status", "at", "host", "checks": {key: {"status", "since", "reading", "against", "critical", "output"}}}`
    """
    note = get_store().notes(NOTE_KIND).get(NOTE_NAME)
    return {**note.value, "age_s": note.age_s} if note else None


def _standings(value: Mapping[str, Any]) -> dict[str, Standing]:
    try:
        return {
            key: Standing(Status(each["status"]), float(each["since"]), int(each["against"]))
            for key, each in value.get("checks", {}).items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}  # written by another version of this app: begin anew rather than never


def _published(results: Sequence[Result], standings: Mapping[str, Standing]) -> dict[str, Any]:
    held = {
        result.check.key: Status.WARN
        if standings[result.check.key].status is Status.FAIL and not result.check.critical
        else standings[result.check.key].status
        for result in results
    }
    checks = {result.check.key: _entry(result, standings[result.check.key]) for result in results}
    host = get_settings().HOST or socket.gethostname()
    return {"status": str(worst(held.values())), "at": time.time(), "host": host, "checks": checks}


def _entry(result: Result, standing: Standing) -> dict[str, Any]:
    outputs = [each.output for each in result.measurements if each.output]
    return {
        "status": str(standing.status),
        "since": standing.since,
        "against": standing.against,
        "reading": str(result.status),
        "critical": result.check.critical,
        "output": result.output or "; ".join(outputs),
    }


def _record(result: Result) -> None:
    tags = {"check": result.check.name, "component": result.check.component_id}
    metrics_collector.gauge("artisan.health.status", _GAUGES[result.status], tags, combine="last")
    metrics_collector.observe("artisan.health.check.duration", result.duration_s, "s", tags)


def _tell(result: Result, before: Standing | None, after: Standing) -> None:
    if before is None or before.status is after.status:
        return
    _logger.log(
        _LEVELS[after.status],
        "Health of %s: %s, was %s for %d s",
        result.check.key,
        after.status,
        before.status,
        max(0, round(after.since - before.since)),
        extra={"event": "health_changed", "check": result.check.key, "status": str(after.status)},
    )
