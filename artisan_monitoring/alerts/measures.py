"""What a rule is held against: for each kind of rule, labels -> samples, from metrics, health and jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core import windows
from ..core.records import AlertSeverity
from ..core.rules import RuleKind, Sample
from ..metrics.queries import Point, read
from ..models.alerts import AlertRule
from ..pipeline.jobs import job_states
from ..stores import get_store

Labels = tuple[tuple[str, str], ...]
Measured = Mapping[Labels, list[Sample]]

ERRORS = "artisan.errors"
REQUESTS = "http.server.request.duration"
STATUS = "http.response.status_code"
LONG_WINDOW_S = 6 * 3600
"""Windows longer than this are read in ten-minute slots: 144 of them make a day, where minutes would be 1,440."""


class Readings:
    """The numbers of one evaluation: each series is read once, however many rules look at it."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._points: dict[tuple[str, str, int], dict[str, list[Point]]] = {}

    def by_tag(self, name: str, tag: str, window_s: int) -> dict[str, list[Point]]:
        """Return the points of the last `window_s` seconds, outwards to whole slots, by the value of one tag."""
        wanted = (name, tag, window_s)
        if wanted not in self._points:
            step = slot_width(window_s)
            start = windows.floor(self.now - window_s, step)
            result = read(name, start, self.now + windows.MINUTE, step_s=step, group_by=(tag,))
            self._points[wanted] = {group[0]: points for group, points in result.groups.items()}
        return self._points[wanted]


def slot_width(window_s: int) -> int:
    """Return the width of the slots in which a window is read, in seconds."""
    return windows.MINUTE if window_s <= LONG_WINDOW_S else windows.TEN_MINUTES


def measure(rule: AlertRule, readings: Readings) -> Measured:
    """Return what `rule` looks at now. Raises `StoreUnavailable` when it cannot be known."""
    return MEASURES[RuleKind(rule.kind)](rule, readings)


def _errors(rule: AlertRule, readings: Readings) -> Measured:
    least = AlertSeverity(rule.error_severity).rank if rule.error_severity else 0
    width = slot_width(rule.window_s)
    samples = [
        Sample(point.start, point.cell.sum, point.cell.sum, width)
        for severity, points in readings.by_tag(ERRORS, "severity", rule.window_s).items()
        if _rank(severity) >= least
        for point in points
    ]
    return {(): samples}


def _rank(severity: str) -> int:
    """Return a severity's rank; what overflowed the series limit has none and counts as the worst: no miss."""
    return AlertSeverity(severity).rank if severity in AlertSeverity.__members__ else AlertSeverity.CRITICAL.rank


def _failed_requests(rule: AlertRule, readings: Readings) -> Measured:
    width = slot_width(rule.window_s)
    samples = [
        Sample(point.start, float(point.cell.count) if status.startswith("5") else 0.0, float(point.cell.count), width)
        for status, points in readings.by_tag(REQUESTS, STATUS, rule.window_s).items()
        for point in points
    ]
    return {(): samples}


def _health(rule: AlertRule, readings: Readings) -> Measured:
    """One set of labels per check of the snapshot that the health job published last (`health.snapshot`)."""
    measured: dict[Labels, list[Sample]] = {}
    for note in get_store().notes("health").values():
        for key, check in note.value.get("checks", {}).items():
            fails = check["status"] == "fail"
            output = str(check.get("output") or "").rstrip(".")
            why = f"The health check {key} fails{': ' + output if output else ''}." if fails else f"{key} is well."
            measured[(("check", str(key)),)] = [Sample(readings.now - note.age_s, float(fails), note=why)]
    return measured


def _overdue_jobs(rule: AlertRule, readings: Readings) -> Measured:
    measured: dict[Labels, list[Sample]] = {}
    for job in job_states():
        seen = f"{max(0, int(readings.now - job.last_success))} s ago" if job.last_success else "never"
        late = f"The job {job.name} is overdue: it last succeeded {seen}, and should every {job.period_s:g} s."
        why = f"{late} {job.last_error}".strip() if job.overdue else f"The job {job.name} runs."
        measured[(("job", job.name),)] = [Sample(readings.now, float(job.overdue), note=why)]
    return measured


MEASURES: dict[RuleKind, Callable[[AlertRule, Readings], Measured]] = {
    RuleKind.ERROR_COUNT: _errors,
    RuleKind.ERROR_RATE: _failed_requests,
    RuleKind.HEALTH: _health,
    RuleKind.JOB_OVERDUE: _overdue_jobs,
}
