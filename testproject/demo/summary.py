"""The last page of the demo: what was sent, what is in the store, and whether the two agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from artisan_monitoring.health.snapshot import published
from artisan_monitoring.pipeline.jobs import run_job
from artisan_monitoring.testing import flush_monitoring
from testproject.demo.evidence import Evidence, Latency

ROUTES_SHOWN = 14


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number counted in two places."""

    what: str
    expected: int
    found: int

    @property
    def holds(self) -> bool:
        """Say whether they agree."""
        return self.expected == self.found


def compare(evidence: Evidence, sent: int, arrivals: Counter[str], server_errors: int) -> list[Comparison]:
    """Put what the driver and the server counted beside what the store has."""
    requests = evidence.requests()
    failed = sum(count for (_, status), count in requests.items() if status.startswith("5"))
    rows, metric = evidence.orders()
    others = arrivals["others"]
    by_hand = f" and {others} by others" if others else ""
    return [
        Comparison(f"requests sent by the driver{by_hand}", sent + others, sum(requests.values())),
        Comparison("answers of 500 and above", server_errors, failed),
        Comparison("orders in the shop's own table", rows, metric),
    ]


def settle() -> None:
    """Bring everything that was recorded into the store, and judge it."""
    flush_monitoring()
    for job in ("evaluate_alerts", "run_health_checks"):
        run_job(job, runner="manual")
    flush_monitoring()


def pages(evidence: Evidence, comparisons: list[Comparison]) -> list[str]:
    """Write the summary, line by line."""
    return [
        *_requests(evidence),
        *_errors(evidence),
        *_alerts(evidence),
        *_security(evidence),
        *_health(),
        "",
        f"{'Counted twice':<56}{'here':>8}{'store':>9}",
        *(f"  {c.what:<54}{c.expected:>8}{c.found:>9}  {'same' if c.holds else 'DIFFERENT'}" for c in comparisons),
    ]


def _requests(evidence: Evidence) -> list[str]:
    total, by_route = evidence.latency()
    counts: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for (route, status), count in evidence.requests().items():
        counts[route] += count
        failed[route] += count if status.startswith("5") else 0
    lines = ["", f"{'Requests by route':<42}{'requests':>9}{'failed':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"]
    shown = counts.most_common(ROUTES_SHOWN)
    for route, count in shown:
        lines.append(_row(route or "(no route)", count, failed[route], by_route[route]))
    if rest := counts.total() - sum(count for _, count in shown):
        lines.append(f"  {f'{len(counts) - len(shown)} more':<40}{rest:>9}")
    return [*lines, _row("all", counts.total(), failed.total(), total)]


def _row(name: str, count: int, failed: int, latency: Latency) -> str:
    figures = f"{latency.p50:>9.1f}{latency.p95:>9.1f}{latency.p99:>9.1f}"
    return f"  {name[:39]:<40}{count:>9}{failed or '':>8}{figures}"


def _errors(evidence: Evidence) -> list[str]:
    lines = ["", "Errors"]
    for group, count in evidence.errors():
        lines.append(f"  {count:>5}  {group.severity:<9}{group.type.rpartition('.')[2]}  in {group.culprit}")
    return lines if len(lines) > 2 else [*lines, "  none"]


def _alerts(evidence: Evidence) -> list[str]:
    lines = [f"  {alert.severity:<9}{alert.state:<13}{alert.rule_name}" for alert in evidence.alerts()]
    return ["", "Alerts", *(lines or ["  none"])]


def _security(evidence: Evidence) -> list[str]:
    events = evidence.security().most_common(12)
    lines = [f"  {count:>5}  {event}{f' ({rule})' if rule else ''}" for (event, rule), count in events]
    return ["", "Security events", *(lines or ["  none"])]


def _health() -> list[str]:
    snapshot = published()
    if snapshot is None:
        return ["", "Health", "  no check has run"]
    checks = snapshot["checks"]
    states = Counter(check["status"] for check in checks.values())
    parts = ", ".join(f"{number} {status}" for status, number in sorted(states.items()))
    lines = ["", f"Health: {snapshot['status']} ({parts})"]
    for name, check in checks.items():
        if check["status"] != "pass":
            lines.append(f"  {check['status']:<5}{name}: {check.get('output', '')}"[:110])
    return lines
