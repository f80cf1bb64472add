"""Per-request CPU: each middleware and all three against a do-nothing one, in fresh processes.

Rounds of 100 requests through the whole WSGI handler, the variants in turn, CPU time of the whole process (system time
and all threads). Flushing and draining are measured after each block and charged by their real cadence: at 100
requests a second a process on Redis flushes and drains every 500 requests (5 s); on SQLite it flushes every 1,500
(15 s) and drains as often, twice finding nothing. The access log goes to a file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks import child, services, site
from benchmarks.table import Row, spread

VARIANTS: dict[str, list[str]] = {
    "alone": [],
    "nothing": [site.NOTHING],
    "monitoring": [site.MONITORING],
    "silent": [site.MONITORING],
    "database": [site.DATABASE],
    "security": [site.SECURITY],
    "all": site.MONITORED,
}
NAMES = {
    "monitoring": "MonitoringMiddleware, JSON access log",
    "silent": "MonitoringMiddleware, no access log",
    "database": "DatabaseMonitoringMiddleware",
    "security": "SecurityMonitoringMiddleware",
    "all": "all three, JSON access log",
}
TARGETS = {"monitoring": 0.50, "all": 0.80}
RATE = 100
"""Requests a second and process: what flushing costs is shared by so many."""

Measured = dict[str, dict[str, list[float]]]


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the rows with `fast`, then those without: (with - do-nothing) / Django alone."""
    rounds, processes = (3, 1) if quick else (40, 3)
    with services.redis_url() as url:
        store = "Redis" if url else "SQLite"
        for fast in (True, False):
            group = f"CPU of a request, {'with' if fast else 'without'} orjson, store {store} (share of Django alone)"
            found = [child.run(__name__, "measure", fast=fast, redis_url=url, rounds=rounds) for _ in range(processes)]
            yield from _rows_of(group, _joined(found), targets=TARGETS if fast else {})
        group = "Flushing and draining, per request at 100 requests a second"
        for name, address in (("Redis", url), ("SQLite", ""))[quick:]:
            if address or name == "SQLite":
                found = [child.run(__name__, "measure", redis_url=address, rounds=min(rounds, 10))]
                for variant in ("monitoring", "all"):
                    middle, low, high = spread(_joined(found)["sending"][variant])
                    yield Row(group, f"{NAMES[variant].partition(',')[0]}, {name}", middle, "us", low, high)


def _joined(found: list[Any]) -> Measured:
    return {
        part: {name: [each for one in found for each in one[part][name]] for name in VARIANTS}
        for part in ("serving", "sending")
    }


def _rows_of(group: str, measured: Measured, targets: dict[str, float]) -> Iterator[Row]:
    serving, sending = measured["serving"], measured["sending"]
    middle, low, high = spread(serving["alone"])
    yield Row(group, "Django alone", middle, "us", low, high)
    for name, label in NAMES.items():
        added = [
            mine + sent - nothing
            for mine, sent, nothing in zip(serving[name], sending[name], serving["nothing"], strict=True)
        ]
        shares = [each / alone for each, alone in zip(added, serving["alone"], strict=True)]
        middle, low, high = spread(shares)
        note = f"+{spread(added)[0]:.1f} us, {spread(sending[name])[0]:.1f} of it flushing and draining"
        yield Row(group, label, middle, "", low, high, targets.get(name), note=note)


def measure(redis_url: str, rounds: int) -> Measured:
    """Return microseconds of CPU per request, serving and sending, by variant, one figure a round."""
    site.set_up(redis_url=redis_url)
    site.make_tables()
    site.by_hand()
    handlers = {name: site.handler(names) for name, names in VARIANTS.items()}
    bases = site.environs()
    measured: Measured = {part: {name: [] for name in VARIANTS} for part in ("serving", "sending")}
    for number in range(rounds + 2):
        for name, handler in handlers.items():
            serving = _block(name, handler, bases)
            sending = 0.0 if name in ("alone", "nothing") else _send(on_redis=bool(redis_url))
            if number > 1:  # the first two warm up
                measured["serving"][name].append(serving)
                measured["sending"][name].append(sending)
    return measured


def _block(name: str, handler: Any, bases: list[dict[str, Any]]) -> float:
    from artisan_monitoring.middleware import bound

    # Not by a change of settings: that renews every short cut, and each round would begin like a process.
    bound.access_log = name != "silent"
    for base in bases[:20]:
        site.serve(handler, base)
    began = time.process_time()
    for base in bases:
        site.serve(handler, base)
    return (time.process_time() - began) / len(bases) * 1e6


def _send(*, on_redis: bool) -> float:
    """Flush, drain, and drain once more; return what that is per request, in microseconds."""
    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.pipeline.flusher import flusher
    from artisan_monitoring.pipeline.overhead import WANTED, overhead

    began = time.process_time()
    flusher.flush()
    drain()
    busy = time.process_time() - began
    # As often as at that rate is measured what monitoring costs: between these flushes there are fewer requests.
    overhead.every = overhead.left = 5 * RATE // WANTED
    if on_redis:
        return busy / (5 * RATE) * 1e6
    began = time.process_time()
    drain()
    return (busy + 2 * (time.process_time() - began)) / (15 * RATE) * 1e6
