"""What monitoring holds in memory: per series, by Python's own account of its allocations, and per process."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from benchmarks import child, site
from benchmarks.table import Row

GROUP = "Memory"
SERIES = 2000
BINS = 20


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the memory of 2,000 series of each kind, and of a process with the app beside one without."""
    for kind, label, target in (
        ("counter", "2,000 counters, two tags each", 1.5),
        ("distribution", "2,000 distributions of 20 bins", 4.0),
    ):
        held = child.run(__name__, "measure_series", kind=kind)["bytes"]
        yield Row(GROUP, label, held / 1e6, "MB", target=target, note=f"{held / SERIES:,.0f} bytes a series")
    held = [child.run(__name__, "measure_process", app=app)["rss_bytes"] for app in (True, False)]
    yield Row(GROUP, "a process: app, middleware, both threads", (held[0] - held[1]) / 1e6, "MB", note="above Django's")


def measure_series(kind: str) -> dict[str, int]:
    """Return the bytes that 2,000 series hold: series, tags, cells, and the short cuts to them."""
    site.set_up(logs=False)
    site.by_hand()
    from artisan_monitoring import metrics_collector

    tags = [{"endpoint": f"/api/{number}", "method": "GET"} for number in range(SERIES)]
    metrics_collector.increment("first")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for each in tags:
        if kind == "counter":
            metrics_collector.increment("api_requests", 1, dict(each))
            continue
        for step in range(BINS):
            metrics_collector.record_metric("api_time", 0.001 * 1.1**step, "s", dict(each))
    return {"bytes": tracemalloc.get_traced_memory()[0] - before}


def measure_process(*, app: bool) -> dict[str, int]:
    """Return the resident bytes of a process that has served a few requests."""
    import psutil

    site.set_up(app=app)
    if app:
        site.make_tables()
    handler = site.handler(site.MONITORED if app else [site.NOTHING])
    base = site.environ()
    for _ in range(200):
        site.serve(handler, base)
    if app:
        from artisan_monitoring.pipeline.lifecycle import flush_now

        flush_now()
    return {"rss_bytes": psutil.Process().memory_info().rss}
