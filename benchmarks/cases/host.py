"""Whether the background threads can be felt: the p99 of a host's requests with every job in its process, and without.

One thread serves 200 requests a second through the WSGI handler while the flusher and the housekeeper run as they do in
a web process (drain, alerts, health, roll-up, purge) on a DatabaseStore with 500 series; then the same without threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import quantiles

from benchmarks import child, site
from benchmarks.table import Row, spread

GROUP = "Host latency, 200 requests a second in one thread"
SERIES = 500
PERIOD_S = 0.005


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield p99 without and with jobs, and the difference, from processes run in turn."""
    seconds, count = (1.0, 1) if quick else (12.0, 3)
    pairs = [
        tuple(child.run(__name__, "measure", jobs=jobs, seconds=seconds) for jobs in (False, True))
        for _ in range(count)
    ]
    for at, label in ((0, "p99 without threads"), (1, "p99 with every job in the process")):
        middle, low, high = spread([pair[at]["p99_ms"] for pair in pairs])
        yield Row(GROUP, label, middle, "ms", low, high)
    middle, low, high = spread([jobs["p99_ms"] - alone["p99_ms"] for alone, jobs in pairs])
    ran = max(pair[1]["runs"] for pair in pairs)
    yield Row(GROUP, "added to p99", middle, "ms", low, high, 3.0, note=f"{ran} job runs in {seconds:.0f} s")


def measure(*, jobs: bool, seconds: float) -> dict[str, float]:
    """Return the p99 of requests served at a steady rate, in milliseconds, and how often jobs ran."""
    site.set_up(monitoring={"FLUSH_INTERVAL_S": 3.0})
    site.make_tables()
    if not jobs:
        site.by_hand()
    from artisan_monitoring import initialize_monitoring, metrics_collector

    handler, base = site.handler(site.MONITORED), site.environ()
    for _ in range(50):
        site.serve(handler, base)
    if jobs:
        initialize_monitoring()
    taken, number = [], 0
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        began = time.perf_counter()
        site.serve(handler, base)
        for _ in range(10):
            number += 1
            metrics_collector.increment("orders", 1, {"shop": str(number % SERIES)})
        taken.append((time.perf_counter() - began) * 1e3)
        due += PERIOD_S
    return {"p99_ms": quantiles(taken, n=100)[98], "runs": _runs() if jobs else 0}


def _runs() -> int:
    from artisan_monitoring.stores import get_store

    return sum(record.runs for record in get_store().job_records().values())
