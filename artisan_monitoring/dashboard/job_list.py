"""The list of jobs: who runs them, when they last did, how long they took, which are late."""

from __future__ import annotations

from ..core.rules import duration as span
from ..pipeline.jobs import JobState, job_states
from ..stores import get_store
from . import figures

RUNNERS = {
    "celery": "Celery",
    "process": "monitoring_run",
    "housekeeper": "a web process",
    "manual": "by hand",
    "": figures.NOTHING,
}


def jobs() -> list[dict[str, object]]:
    """Return every registered job as shown, the late ones first."""
    now = get_store().now()
    return [_job(each, now) for each in sorted(job_states(), key=lambda each: (not each.overdue, each.period_s))]


def _job(state: JobState, now: float) -> dict[str, object]:
    failing = bool(state.last_error) and state.last_start > state.last_success
    return {
        "name": state.name,
        "period": span(state.period_s),
        "runner": RUNNERS.get(state.runner, state.runner),
        "started": figures.age(now - state.last_start) if state.last_start else "",
        "succeeded": figures.age(now - state.last_success) if state.last_success else "",
        "succeeded_iso": figures.iso(state.last_success) if state.last_success else "",
        "duration": figures.duration(state.last_duration_s) if state.runs else figures.NOTHING,
        "runs": figures.count(state.runs),
        "failures": figures.count(state.failures),
        "failing": failing,
        "error": state.last_error,
        "overdue": state.overdue,
        "state": _state(state, failing),
    }


def _state(state: JobState, failing: bool) -> tuple[str, str]:
    """Return a word and its tone."""
    if state.overdue:
        return "overdue", "critical"
    if failing:
        return "failing", "high"
    return ("well", "good") if state.runs else ("not yet run", "quiet")
