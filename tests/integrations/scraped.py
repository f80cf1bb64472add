"""Every metric that the app records, in the store of a real site that real Prometheus servers scrape."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artisan_monitoring.core.histogram import Cell, bounds_for
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import floor
from artisan_monitoring.stores import get_store
from tests.house.code import recorded_metrics
from tests.services import Prometheus, PrometheusServer
from tests.stores.build import commit

TOKEN = "a-token-for-a-scraper-5f0c8f1d"
TRACE = "0af7651916cd43dd8448eb211c80319c"
REQUEST = "http.server.request.duration"
SEVERAL = {
    "http.response.status_code": ("403", "503"),
    "severity": ("LOW", "HIGH"),
    "error.type": ("", "ValueError"),
    "http.route": ("/", "/orders/<int:pk>/"),
}
"""Values of tags; two series have the first and the second of each."""


def tags_on_the_page() -> dict[str, list[str]]:
    """Return the tags of each metric, as the reference lists them."""
    text = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text()
    found = re.findall(r"^\| `([^`]+)` \| [^|]+\|[^|]+\|([^|]*)\|", text, re.MULTILINE)
    return {name: re.findall(r"`([^`]+)`", tags) for name, tags in found}


def durations(number: int) -> list[float]:
    """Return values spread over three powers of two, so that they keep the finest bins."""
    return [0.011 * 2 ** (3 * at / number) for at in range(number)]


def record(times: int = 1) -> None:
    """Commit two series of each metric."""
    store = get_store()
    now = store.now()
    tags_of = tags_on_the_page()
    deltas, gauges = [], []
    for name, kind, unit, combine in sorted(recorded_metrics()):
        for which in (0, 1):
            tags = tuple((key, SEVERAL.get(key, ("one", "one"))[which]) for key in sorted(tags_of.get(name, ())))
            series = Series(name, kind, unit, tags, combine)
            cell = _cell(series, now, times)
            deltas.append(Delta(series, floor(now, 60), 60, cell))
            if kind == "gauge":
                gauges.append((series, f"process-{which}", 0.5, now))
    commit(store, *deltas, gauges=tuple(gauges))


def _cell(series: Series, now: float, times: int) -> Cell:
    cell = Cell()
    for _ in range(times):
        if series.kind == "counter":
            cell.add(3)
        elif series.kind == "gauge":
            cell.set(0.5, now)
        else:
            for value in durations(200):
                slot = cell.observe(value, bounds_for(series.unit))
                cell.exemplars = {slot: (value, now, {"trace_id": TRACE, "order": "7"})}
    return cell


@contextmanager
def scraped(programs: Prometheus, site: str, *natives: bool) -> Iterator[list[PrometheusServer]]:
    """Scrape a site with a Prometheus each, which have seen its metrics grow."""
    record()
    target = site.removeprefix("http://")
    servers = [PrometheusServer(programs, target, "/health/prometheus", TOKEN, native=native) for native in natives]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_for("artisan_errors_total")
        record(2)
        for server in servers:
            server.wait_for('artisan_errors_total{severity="LOW"} == 9')
        time.sleep(0.3)  # so that what one scrape brings is there as a whole
        yield servers
    finally:
        for server in servers:
            server.close()


def chosen(expression: str) -> str:
    """Return a dashboard's expression as Grafana sends it."""
    values: dict[str, Any] = {"$job": ".+", "$__rate_interval": "1m", "$__range": "5m"}
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression
