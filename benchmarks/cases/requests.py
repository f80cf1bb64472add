"""Per-request CPU: each middleware and all three against a do-nothing one, interleaved, in fresh processes.

The time is that of all threads of the process, flushing and draining inside it: at 100 requests a second a process
flushes every 1,500 requests (15 s, the database store's interval) and drains every 500 (5 s).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import child, site
from benchmarks.table import Row, spread

FLUSH_EVERY = 1500
DRAIN_EVERY = 500

MONITORING = site.OURS + "MonitoringMiddleware"
DATABASE = site.OURS + "DatabaseMonitoringMiddleware"
SECURITY = site.OURS + "SecurityMonitoringMiddleware"
NOTHING = "benchmarks.site.do_nothing"

VARIANTS: dict[str, list[str]] = {
    "alone": [],
    "nothing": [NOTHING],
    "monitoring": [MONITORING],
    "database": [DATABASE],
    "security": [SECURITY],
    "all": [MONITORING, DATABASE, SECURITY],
    "silent": [MONITORING],
}
TARGETS = {"monitoring": 0.50, "all": 0.80}
NAMES = {
    "monitoring": "MonitoringMiddleware, JSON access log",
    "silent": "MonitoringMiddleware, no access log",
    "database": "DatabaseMonitoringMiddleware",
    "security": "SecurityMonitoringMiddleware",
    "all": "all three",
}


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the rows with `fast`, then those without; shares are of the time that Django alone takes."""
    for fast in (True, False):
        results = [
            child.run(__name__, "measure", fast=fast, rounds=2 if quick else 7, per_round=200 if quick else FLUSH_EVERY)
            for _ in range(1 if quick else 3)
        ]
        group = f"CPU of a request, {'with' if fast else 'without'} orjson (share of Django alone)"
        times = {name: [each for result in results for each in result[name]] for name in VARIANTS}
        alone = spread(times["alone"])
        yield Row(group, "Django alone", alone[0], "us", alone[1], alone[2])
        for name, label in NAMES.items():
            shares = [
                (each - nothing) / base
                for each, nothing, base in zip(times[name], times["nothing"], times["alone"], strict=True)
            ]
            middle, low, high = spread(shares)
            added = spread([each - nothing for each, nothing in zip(times[name], times["nothing"], strict=True)])[0]
            target = TARGETS.get(name) if fast else None
            yield Row(group, label, middle, "", low, high, target, note=f"+{added:.1f} us")


def measure(rounds: int, per_round: int) -> dict[str, list[float]]:
    """Return microseconds of CPU per request, by variant, one figure a round."""
    site.set_up()
    site.make_tables()
    site.by_hand()
    handlers = {name: _handler(names) for name, names in VARIANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for number in range(rounds + 1):
        for name, handler in handlers.items():
            taken = _round(name, handler, per_round)
            if number:  # the first warms up
                times[name].append(taken)
    return times


def _handler(middleware: list[str]) -> Any:
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    with override_settings(MIDDLEWARE=middleware):
        return WSGIHandler()


def _round(name: str, handler: Any, count: int) -> float:
    from django.test import override_settings

    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.pipeline.flusher import flusher
    from artisan_monitoring.testing import override_monitoring

    monitored = name not in ("alone", "nothing")
    base = site.environ()
    with override_monitoring(ACCESS_LOG={"ENABLED": name != "silent"}), override_settings(DEBUG=False):
        for _ in range(20):
            _serve(handler, base)
        if monitored:
            flusher.flush()
            drain()
        began = time.process_time()
        for served in range(1, count + 1):
            _serve(handler, base)
            if monitored and served % DRAIN_EVERY == 0:
                drain()
        if monitored:
            flusher.flush()
        return (time.process_time() - began) / count * 1e6


def _serve(handler: Callable[..., Any], base: dict[str, Any]) -> None:
    """Run one request through the WSGI handler, as a server does."""
    response = handler(dict(base), _start_response)
    for _ in response:
        pass
    response.close()


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    return None
