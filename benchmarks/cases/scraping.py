"""What a scrape costs the worker that answers it: 2,000 series in each format, on SQLite and on Redis.

Distributions have 140 bins, which is nearly as many as there can be, and an exemplar each; "mixed" is a third of
each kind. prometheus_client's writer is run over the same series for comparison.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import child, services, site
from benchmarks.table import Row, skipped, spread

SERIES = 2000
BUDGET_MS = 250.0
ACCEPT = {
    "text": "text/plain",
    "OpenMetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield a row a format, store and mix."""
    series, rounds = (200, 2) if quick else (SERIES, 9)
    group = f"Scraping {series} series (CPU)"
    with services.redis_url() as url:
        for name, address in (("Redis", url), ("SQLite", "")):
            if name == "Redis" and not url:
                yield skipped(group, "on Redis", "no redis-server")
                continue
            for mix, kinds in (("mixed", 3), ("distributions", 1)):
                found = child.run(__name__, "measure", redis_url=address, series=series, kinds=kinds, rounds=rounds)
                for written, figures in found["cpu_ms"].items():
                    middle, low, high = spread(figures)
                    ours = written in ACCEPT
                    label = f"{mix}, {written}, {name}"
                    note = f"{found['bytes'][written] / 1e6:.1f} MB" if ours else ""
                    yield Row(group, label, middle, "ms", low, high, BUDGET_MS if ours else None, note=note)


def measure(redis_url: str, series: int, kinds: int, rounds: int) -> dict[str, Any]:
    """Return milliseconds of processor time, a figure a round, and the size of the answers, by format."""
    site.set_up(redis_url=redis_url, logs=False)
    site.make_tables()
    site.by_hand()
    _fill(series, kinds)
    from prometheus_client import CollectorRegistry, generate_latest

    from artisan_monitoring.integrations.prometheus import expose
    from artisan_monitoring.integrations.prometheus.collector import MonitoringCollector

    registry = CollectorRegistry()
    registry.register(MonitoringCollector())
    found: dict[str, Any] = {"cpu_ms": {}, "bytes": {}}
    for _ in range(rounds):
        for name, accept in ACCEPT.items():
            began = time.process_time()
            body = expose(accept).body
            found["cpu_ms"].setdefault(name, []).append((time.process_time() - began) * 1000)
            found["bytes"][name] = len(body)
        began = time.process_time()
        generate_latest(registry)
        found["cpu_ms"].setdefault("prometheus_client's text", []).append((time.process_time() - began) * 1000)
    return found


def _fill(series: int, kinds: int) -> None:
    """Put series of the first of these kinds into the store: distributions, counters, gauges."""
    from artisan_monitoring.core.packing import Delta
    from artisan_monitoring.core.series import Series
    from artisan_monitoring.stores import get_store
    from tests.stores.build import added, commit, observed

    store = get_store()
    now = int(store.now()) // 60 * 60
    numbers = random.Random(1)
    busy = observed(*(numbers.lognormvariate(-3.5, 0.7) for _ in range(600)))
    busy.exemplars = {3: (0.024, float(now), {"trace_id": "0af7651916cd43dd8448eb211c80319c"})}
    deltas, gauges = [], []
    for number in range(series):
        tags = (("http.request.method", "GET"), ("http.route", f"/orders/<int:pk>/items{number}/"))
        if number % kinds == 0:
            deltas.append(Delta(Series("bench.duration", "distribution", "s", tags), now, 60, busy.copy()))
        elif number % kinds == 1:
            deltas.append(Delta(Series("bench.orders", "counter", "count", tags), now, 60, added(number)))
        else:
            gauge = Series("bench.queue", "gauge", "1", tags, "sum")
            gauges += [(gauge, process, float(number), store.now()) for process in ("one", "two")]
    for at in range(0, len(deltas), 500):
        commit(store, *deltas[at : at + 500])
    for at in range(0, len(gauges), 500):
        commit(store, gauges=tuple(gauges[at : at + 500]))
