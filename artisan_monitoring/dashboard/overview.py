"""What the overview shows, section by section, shaped for its template."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..alerts.active import active_alerts, active_count
from ..conf import get_settings
from ..errors.recent import recent_errors
from ..health.snapshot import published
from . import deploys, figures, top_routes
from .before import apdex, change
from .celery_tasks import celery
from .charts import Chart, Line
from .deploys import Mark
from .figures import bad
from .heatmap import HeatMap, heat_map
from .hosts import hosts
from .machinery import machinery, own_figures, processes
from .sections import Reader, Section
from .tallies import Slot
from .top_routes import Order
from .traffic import Traffic, traffic
from .users import users
from .windows import SPANS, Span

ERRORS = 8
ALERTS = 8
STATUS_TONES = {"pass": "good", "warn": "medium", "fail": "critical"}
STALE_HEALTH_S = 120.0
"""Four periods of the job `run_health_checks`: what is older says nothing of now."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number at the top of the page; `tone` colours it where it needs a look.

    `change` compares it with the window before.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""
    change: str = ""


def page(
    span: Span,
    order: Order = top_routes.DEFAULT,
    *,
    may_see_errors: bool = True,
    may_see_alerts: bool = True,
    may_see_users: bool = True,
) -> dict[str, object]:
    """Return the template's context. Never raises: a section that cannot be read holds a sentence instead."""
    reader = Reader()
    seen = reader.store("traffic", lambda: traffic(span))
    health = reader.store("health", read_health)
    alerts = reader.rows("alerts", read_alerts) if may_see_alerts else None
    reporting = reader.store("processes", processes)
    as_of, times = (seen.value.as_of, seen.value.times) if seen.value else (time.time(), span.slots(time.time()))
    marks = deploys.read(reader, times, span.step_s)
    shown = seen.value if seen.value and not seen.value.empty else None
    return {
        "span": span,
        "spans": list(SPANS.values()),
        "keep": top_routes.kept(order),
        "service": service(),
        "as_of": as_of,
        "as_of_iso": figures.iso(as_of),
        "as_of_text": figures.clock(as_of),
        "traffic": seen,
        "tiles": [*traffic_tiles(seen.value, span), *alert_tiles(alerts), health_tile(health)],
        "charts": [*charts(shown, marks), latency_map(shown, marks)] if shown else [],
        "deploys": deploys.listed(marks),
        "routes": reader.store("routes", lambda: top_routes.table(shown, order)) if shown else None,
        "errors": reader.rows("errors", read_errors) if may_see_errors else None,
        "alerts": alerts,
        "health": health,
        "users": reader.rows("users", lambda: users(times[0], times[-1])) if may_see_users else None,
        "celery": reader.store("celery", lambda: celery(span)),
        "hosts": reader.store("hosts", lambda: hosts(reporting.value["by_host"] if reporting.value else {})),
        "processes": reporting,
        "machinery": reader.store("machinery", machinery),
        "own": own_figures(),
    }


def service() -> str:
    """Return what is shown: service, environment and release."""
    settings = get_settings()
    return " · ".join(part for part in (settings.SERVICE, settings.ENVIRONMENT, settings.RELEASE) if part)


def traffic_tiles(seen: Traffic | None, span: Span) -> list[Tile]:
    """Return the tiles about requests."""
    if seen is None:
        labels = ("Requests", "Error rate", "p95", "Apdex", "Active now", "Errors")
        return [Tile(label, figures.NOTHING) for label in labels]
    cell, earlier = seen.total.cell, seen.before
    rate = failure_rate(seen.total)
    p95 = cell.quantile(0.95)
    target_s = get_settings().APDEX_MS / 1000
    score = apdex(cell, target_s)
    return [
        Tile("Requests", figures.count(cell.count), per_second(seen.total, seen),
             change=change(cell.count, earlier.cell.count) if earlier else ""),
        Tile("Error rate", figures.share(rate), f"{figures.count(seen.total.failed)} answered 5xx",
             bad(rate, 0.01, 0.05), f"was {figures.share(failure_rate(earlier))}" if earlier else ""),
        Tile("p95", figures.duration(p95), f"p50 {figures.duration(cell.quantile(0.5))}",
             change=change(p95, earlier.cell.quantile(0.95)) if earlier else ""),
        Tile("Apdex", figures.NOTHING if score is None else f"{score:.2f}", f"of {figures.duration(target_s)}",
             "" if score is None else bad(1 - score, 0.15, 0.3), was(apdex(earlier.cell, target_s)) if earlier else ""),
        Tile("Active now", figures.NOTHING if seen.away else figures.count(seen.active or 0), "being answered"),
        Tile("Errors", figures.count(seen.errors), "exceptions captured", "high" if seen.errors else ""),
    ]  # fmt: skip


def failure_rate(slot: Slot) -> float | None:
    """Return the share of a slot's requests that were answered with 500 or above."""
    return slot.failed / slot.cell.count if slot.cell.count else None


def was(score: float | None) -> str:
    """Return what a score was in the window before."""
    return "" if score is None else f"was {score:.2f}"


def per_second(total: Slot, seen: Traffic) -> str:
    """Return the mean rate since the first request in the window, in the unit that suits it."""
    if not seen.slots:
        return seen.span.title
    covered = max(60.0, min(seen.as_of, seen.times[-1] + seen.span.step_s) - min(seen.slots))
    return rate_text(total.cell.count / covered)


def rate_text(per_s: float) -> str:
    """Return a rate: 12 a second, or 4.2 a minute where that is less than one a second."""
    return f"{figures.number(per_s)} a second" if per_s >= 1 else f"{figures.number(per_s * 60)} a minute"


def alert_tiles(alerts: Section[dict[str, Any]] | None) -> list[Tile]:
    """Return the tile of active alerts; none for who may not see alerts."""
    if alerts is None:
        return []
    if alerts.value is None:
        return [Tile("Active alerts", figures.NOTHING)]
    count, worst = alerts.value["count"], alerts.value["rows"][:1]
    note = f"worst: {worst[0]['severity'].lower()}" if worst else "none firing"
    return [Tile("Active alerts", figures.count(count), note, worst[0]["severity"].lower() if worst else "")]


def health_tile(health: Section[dict[str, Any] | None]) -> Tile:
    """Return the tile with health's one word."""
    seen = health.value
    if not seen:
        return Tile("Health", "unknown", "no check has run" if not health.problem else "")
    if seen["stale"]:
        return Tile("Health", "unknown", f"last checked {seen['age']} ago", "medium")
    return Tile("Health", seen["status"], f"{len(seen['checks'])} checks, {seen['age']} ago", seen["tone"])


def charts(seen: Traffic, marks: Sequence[Mark] = ()) -> list[Chart]:
    """Return the charts of throughput, error rate and latency."""
    slots = [seen.slots.get(at) for at in seen.times]
    rates = [seen.rate(at) for at in seen.times]
    per_minute = max((rate for rate in rates if rate is not None), default=0.0) < 1
    scale, unit = (60, "/min") if per_minute else (1, "/s")
    shares = [100 * slot.failed / slot.cell.count if slot and slot.cell.count else None for slot in slots]
    common = (seen.times, seen.span.step_s)
    return [
        Chart(
            "Throughput",
            *common,
            [Line("requests", "am-t1", [None if rate is None else rate * scale for rate in rates], filled=True)],
            lambda value: f"{figures.number(value)} {unit}",
            waiting="The first full minute is still running.",
            marks=marks,
        ),
        Chart("Error rate", *common, [Line("5xx", "am-t4", shares, filled=True)], figures.percent, marks=marks),
        Chart(
            "Latency",
            *common,
            [
                Line(name, tone, [slot.cell.quantile(q) if slot else None for slot in slots])
                for name, q, tone in (("p99", 0.99, "am-t3"), ("p95", 0.95, "am-t2"), ("p50", 0.5, "am-t1"))
            ],
            figures.duration,
            least=0.001,
            marks=marks,
        ),
    ]


def latency_map(seen: Traffic, marks: Sequence[Mark] = ()) -> HeatMap:
    """Return the heat map of latency."""
    cells = {at: slot.cell for at, slot in seen.slots.items()}
    return heat_map(seen.times, seen.span.step_s, cells, marks)


def read_errors() -> list[dict[str, object]]:
    """Return the errors seen last, with their age."""
    now = time.time()
    return [
        {**each, "tone": str(each["severity"]).lower(), "count": figures.count(_number(each["count"])),
         "age": _since(each["last_seen"], now)}
        for each in recent_errors(ERRORS)
    ]  # fmt: skip


def read_alerts() -> dict[str, Any]:
    """Return how many alerts are active, and the worst of them."""
    now = time.time()
    found = active_alerts()
    rows = [
        {**each, "tone": str(each["severity"]).lower(), "age": _since(each["fired_at"] or each["started_at"], now)}
        for each in found[:ALERTS]
    ]
    return {"count": active_count(), "rows": rows, "more": max(0, len(found) - ALERTS)}


def read_health() -> dict[str, Any] | None:
    """Return the published health, the worst check first; nothing before the first run."""
    snapshot = published()
    if snapshot is None:
        return None
    now = time.time()
    ranks = {"fail": 0, "warn": 1}
    checks: Sequence[tuple[str, Mapping[str, Any]]] = sorted(
        snapshot["checks"].items(), key=lambda item: (ranks.get(item[1]["status"], 2), item[0])
    )
    return {
        "status": snapshot["status"],
        "tone": STATUS_TONES.get(snapshot["status"], "quiet"),
        "age": figures.age(snapshot["age_s"]),
        "stale": snapshot["age_s"] > STALE_HEALTH_S,
        "host": snapshot.get("host", ""),
        "checks": [
            {
                "name": name,
                "status": each["status"],
                "tone": STATUS_TONES.get(each["status"], "quiet"),
                "output": said(each),
                "since": figures.age(now - float(each["since"])),
            }
            for name, each in checks
        ],
    }


def said(check: Mapping[str, Any]) -> str:
    """Return what a check complains of: also of a last reading that has not moved its status yet."""
    if check["reading"] != check["status"]:
        return f"last reading {check['reading']}{': ' if check.get('output') else ''}{check.get('output', '')}"
    return str(check.get("output", "")) if check["status"] != "pass" else ""


def _since(moment: object, now: float) -> str:
    return figures.age(now - datetime.fromisoformat(str(moment)).timestamp())


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
