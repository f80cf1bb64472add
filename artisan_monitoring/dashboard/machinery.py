"""The monitor's own figures: the processes that report, how data flows, what was lost, which jobs are late."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from ..conf import get_settings
from ..core.budget import SHOWN
from ..models import LogOutbox
from ..pipeline.selfstats import NOTE, deployment_stats, self_stats
from ..stores import get_store
from ..stores.connection import own_connection
from . import figures

Figure: TypeAlias = tuple[str, str, str]
"""Label, value, tone."""

PROCESSES = 12
LATE_S = 60.0
"""The drain runs every 5 s: data that wait this long tell of one that does not."""
BREAKER = {"closed": "connected", "open": "interrupted"}
"""What a process' circuit breaker says of its way to the store."""


def processes() -> dict[str, Any]:
    """Return the processes that reported lately, at most twelve of them in full."""
    store = get_store()
    reports = [(note.value, note.age_s) for note in store.notes(NOTE).values()]
    reports.sort(key=lambda each: (str(each[0].get("host")), str(each[0].get("pid")).zfill(8)))
    by_host = Counter(str(value.get("host")) for value, _ in reports)
    return {
        "by_host": by_host,
        "hosts": len(by_host),
        "count": len(reports),
        "rows": [_process(value, age_s) for value, age_s in reports[:PROCESSES]],
        "more": max(0, len(reports) - PROCESSES),
    }


def _process(value: Mapping[str, Any], age_s: float) -> dict[str, object]:
    threads = value.get("threads") or {}
    return {
        "host": value.get("host", "?"),
        "pid": value.get("pid", "?"),
        "series": figures.count(_float(value.get("series"))),
        "flush": figures.duration(_float(value.get("flush_duration_s"))),
        "store": BREAKER.get(str(value.get("breaker")), "unknown"),
        "tone": "critical" if value.get("breaker") == "open" else "",
        "housekeeper": bool(isinstance(threads, Mapping) and threads.get("leads")),
        "age": figures.age(age_s),
    }


def machinery() -> dict[str, Any]:
    """Return the pipeline's figures over the deployment, as (label, value, tone) and as losses by reason."""
    stats = deployment_stats(get_store())
    lost = {reason: count for reason, count in stats["losses"].items() if count}
    dropped = {reason: count for reason, count in stats["dropped"].items() if count}
    overdue = list(stats["jobs_overdue"])
    waiting = int(stats["cells_waiting"])
    return {
        "figures": [
            ("Lag", figures.duration(round(stats["lag_s"], 1)), "critical" if stats["lag_s"] > LATE_S else ""),
            ("Inbox", figures.size(stats["inbox_bytes"]), ""),
            ("Batches waiting", figures.count(stats["inbox_entries"]), ""),
            ("Buffered cells", figures.count(waiting), ""),
            ("Series", figures.count(stats["series"]), ""),
            ("Longest flush", figures.duration(stats["flush_duration_s"]), ""),
            ("Clock skew", figures.duration(stats["clock_skew_s"]), "medium" if stats["clock_skew_s"] > 2 else ""),
            ("Store errors", figures.count(stats["store_errors"]), "medium" if stats["store_errors"] else ""),
            ("Over limits", figures.count(stats["overflowed"]), "medium" if stats["overflowed"] else ""),
            *_cost(stats),
            *_log_lines(stats),
        ],
        "losses": [(reason, figures.count(count)) for reason, count in sorted(lost.items())],
        "dropped": [(reason, figures.count(count)) for reason, count in sorted(dropped.items())],
        "overdue": overdue,
    }


def _cost(stats: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield what monitoring takes of a request, and what is off since that was too much."""
    used_s = float(stats["overhead_p99_s"])
    yield "Own CPU a request (p99)", figures.duration(used_s) if used_s else figures.NOTHING, ""
    if stats["overhead_off"]:
        yield "Off, to save time", ", ".join(SHOWN.get(part, part) for part in stats["overhead_off"]), "high"


def _log_lines(stats: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield how many records the processes have logged, how many of them badly, and how many wait to be exported."""
    by_level = stats["log_records"]
    bad = sum(by_level.get(level, 0) for level in ("ERROR", "CRITICAL"))
    yield "Log records", f"{figures.count(sum(by_level.values()))}, {figures.count(bad)} of them errors", ""
    if stats["log_lines_lost"]:
        yield "Log lines lost", figures.count(stats["log_lines_lost"]), "medium"
    chosen = get_settings()
    if chosen.OTLP.ENDPOINT and chosen.OTLP.LOGS:
        with own_connection(chosen.DATABASE):
            lines, age_s = LogOutbox.objects.using(chosen.DATABASE).waiting(time.time())
        yield "Log records to export", f"{figures.count(lines)}, {figures.age(age_s)} old", ""


def own_figures() -> list[tuple[str, str, str]]:
    """Return this process' own figures as (label, value, tone): all there is to say while the store is away."""
    stats = self_stats()
    dropped = sum(stats["dropped"].values())
    broken = stats["breaker"] == "open"
    return [
        ("Store", BREAKER.get(stats["breaker"], "unknown"), "critical" if broken else ""),
        ("Last flush", f"{figures.age(stats['last_flush_age_s'])} ago" if stats["last_flush_age_s"] else "never", ""),
        ("Buffered series", figures.count(stats["series"]), ""),
        ("Buffered cells", figures.count(stats["cells_waiting"]), ""),
        ("Records waiting", figures.count(stats["records_waiting"]), ""),
        ("Store errors", figures.count(stats["store_errors"]), "medium" if stats["store_errors"] else ""),
        ("Dropped", figures.count(dropped), "high" if dropped else ""),
    ]


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
