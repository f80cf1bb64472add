"""Checks of monitoring itself: the store answers, and what was observed arrives there. Never critical to the host."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...conf import active, get_settings
from ...core.budget import SHOWN
from ...exceptions import StoreUnavailable
from ...pipeline.selfstats import deployment_stats, self_stats
from ...stores import get_store
from ..base import Check, Measurement, Status

MAX_SKEW_S = 2.0
"""Minutes are cut by the store's clock: a host that is further off puts its points beside those of the others."""

_OFF = Measurement("state", "off")


@dataclass(frozen=True, kw_only=True)
class StoreCheck(Check):
    """Ask the store for its time, and compare it with ours."""

    component_type: ClassVar[str] = "datastore"

    name: str = "store"
    critical: bool = False
    shared: bool = True

    def run(self) -> Sequence[Measurement]:
        """Return the time of the answer in ms and the skew of the clocks in seconds."""
        if not active():
            return [_OFF]
        started, asked_at = time.perf_counter(), time.time()
        theirs = get_store().now()
        took_s = time.perf_counter() - started
        skew_s = round(theirs - asked_at - took_s / 2, 3)
        far = abs(skew_s) > MAX_SKEW_S + took_s
        return [
            Measurement("responseTime", round(took_s * 1000, 2), "ms"),
            Measurement(
                "skew", skew_s, "s", Status.WARN if far else Status.PASS, "clocks differ: set NTP right" if far else ""
            ),
        ]


@dataclass(frozen=True, kw_only=True)
class PipelineCheck(Check):
    """Look at the whole deployment's way from buffer to store: lag, flushes, losses, breakers, jobs."""

    measures: ClassVar[str] = "lag"

    name: str = "pipeline"
    critical: bool = False
    shared: bool = True
    warn_lag_s: float = 60.0  # a drain runs each 5 s: this is a dozen that did not
    warn_flush_s: float = 5.0  # longer than the time between two on Redis: the process no longer keeps up
    warn_waiting: int = 5000  # a process records some hundreds between two flushes: the store takes too little
    warn_series_percent: float = 90.0  # of what a process may have: beyond it tags are lost

    def run(self) -> Sequence[Measurement]:
        """Return what `judge` makes of the processes' reports, or of this one's alone while the store is away."""
        if not active():
            return [_OFF]
        try:
            deployment = deployment_stats(get_store())
        except StoreUnavailable:
            return list(judge_alone(self_stats()))
        return [*judge(deployment, self_stats(), self.warn_lag_s), *self.limits(deployment)]

    def limits(self, deployment: Mapping[str, Any]) -> Iterator[Measurement]:
        """Yield how near the processes are to what they can keep and send, each against its limit."""
        took_s = round(float(deployment["flush_duration_s"]), 3)
        yield _judged("flushDuration", took_s, "s", took_s > self.warn_flush_s, "a process takes too long to send")
        waiting = int(deployment["cells_waiting"])
        yield _judged("unsent", waiting, "cells", waiting > self.warn_waiting, "the store takes less than is recorded")
        percent = round(100 * int(deployment["series"]) / max(1, get_settings().LIMITS.SERIES), 1)
        full = percent >= self.warn_series_percent
        yield _judged("series", percent, "percent", full, "of what a process may have; see LIMITS")
        yield from _overhead(deployment)
        yield Measurement("logRecords", sum(deployment["log_records"].values()), "records")


def _overhead(deployment: Mapping[str, Any]) -> Iterator[Measurement]:
    """Yield what monitoring takes of a request in the process where it takes most, and what is off for that."""
    # A figure only: one request that was held up is the p99 of a hundred. What is sustained takes parts off.
    yield Measurement("overhead", round(float(deployment["overhead_p99_s"]) * 1000, 3), "ms")
    off = [SHOWN.get(part, part) for part in deployment["overhead_off"]]
    output = f"above {get_settings().OVERHEAD_BUDGET_MS:g} ms a request; off for that: {', '.join(off)}"
    yield _judged("steppedDown", len(off), "parts", bool(off), output)


_counted_before: dict[str, int] = {}


def judge(deployment: Mapping[str, Any], own: Mapping[str, Any], warn_lag_s: float) -> Iterator[Measurement]:
    """Yield the measurements of the pipeline, from the figures of all processes and of this one.

    A loss warns while it grows: an old one is history, and is still shown.
    """
    lag_s = round(float(deployment["lag_s"]), 1)
    yield _judged("lag", lag_s, "s", lag_s > warn_lag_s, "the drain is behind")
    if own["last_flush_age_s"] is not None:
        yield Measurement("lastFlush", round(float(own["last_flush_age_s"]), 1), "s")
    yield from _own_way(own)
    yield Measurement("inbox", int(deployment["inbox_bytes"]), "bytes")
    reasons = {"dropped": deployment["dropped"], "lost": deployment["losses"]}
    for name, count in _counts(deployment, own).items():
        grew = count > _counted_before.get(name, 0)
        _counted_before[name] = count
        by_reason = ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.get(name, {}).items()))
        yield _judged(name, count, "", grew, f"growing: {by_reason}" if by_reason else "growing")
    overdue = sorted(deployment["jobs_overdue"])
    yield _judged("overdueJobs", len(overdue), "jobs", bool(overdue), ", ".join(overdue))


def judge_alone(own: Mapping[str, Any]) -> Iterator[Measurement]:
    """Yield what one process knows while the store cannot be asked: how much waits, and what it had to drop."""
    yield _judged("store", "away", "", True, "the store does not answer: what is observed waits in the processes")
    yield from _own_way(own)
    yield _judged("dropped", sum(own["dropped"].values()), "", bool(own["dropped"]), "in this process")


def _own_way(own: Mapping[str, Any]) -> Iterator[Measurement]:
    breaker = str(own["breaker"])
    yield _judged("breaker", breaker, "", breaker == "open", "the store was away or refused")
    yield Measurement("waiting", int(own["cells_waiting"]) + int(own["records_waiting"]), "records")


def _counts(deployment: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, int]:
    return {
        "dropped": sum(deployment["dropped"].values()),
        "lost": sum(deployment["losses"].values()),
        "overflow": int(deployment["overflowed"]),
        "internalFailures": sum(own["guarded_failures"].values()),
        "storeErrors": int(deployment["store_errors"]),
        "logLinesLost": int(deployment["log_lines_lost"]),
    }


def _judged(name: str, value: float | int | str, unit: str, bad: bool, output: str) -> Measurement:
    return Measurement(name, value, unit, Status.WARN if bad else Status.PASS, output if bad else "")


def store_checks() -> list[Check]:
    """Return the check of the store."""
    return [StoreCheck()]


def pipeline_checks() -> list[Check]:
    """Return the check of the pipeline."""
    return [PipelineCheck()]
