"""What leaves a process: flushing and draining by number of series, on SQLite and on Redis.

Each series is new to the batch and known to the store, as in a process that has run for a while: half counters, half
distributions of 20 bins; the rows with a target for flushing are of distributions alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks import child, services, site
from benchmarks.table import Row, skipped, spread

SIZES = (10, 100, 500, 2000)
BINS = 20


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield flush and drain rows of each store."""
    sizes = SIZES[:2] if quick else SIZES
    with services.redis_url() as url:
        for name, address in (("Redis", url), ("SQLite", "")):
            group = f"Sending to {name}"
            if name == "Redis" and not url:
                yield skipped(group, "flush and drain", "no redis-server")
                continue
            options: dict[str, Any] = {"redis_url": address, "sizes": sizes, "rounds": 2 if quick else 7}
            yield from _rows_of(group, name, child.run(__name__, "measure", **options))


def _rows_of(group: str, store: str, found: dict[str, Any]) -> Iterator[Row]:
    for size, figures in found["flush"].items():
        yield _row(group, f"flush {size} series, CPU", figures["cpu_ms"], "ms")
    if store == "Redis":
        yield _row(group, "flush 500 distributions of 20 bins, wall", found["distributions"]["wall_ms"], "ms", 10.0)
    else:
        yield _row(group, "flush 500 distributions of 20 bins, CPU", found["distributions"]["cpu_ms"], "ms", 20.0)
    least = {"Redis": 20_000.0, "SQLite": 5_000.0}[store]
    for size, figures in found["drain"].items():
        target = least if size == "500" else None
        note = f"empty run {spread(found['idle_ms'])[0]:.2f} ms CPU" if size == "10" else ""
        yield _row(group, f"drain {size} series, deltas per CPU-s", figures, "/s", target, at_least=True, note=note)


def _row(
    group: str, name: str, values: list[float], unit: str, target: float | None = None, *, at_least: bool = False,
    note: str = "",
) -> Row:  # fmt: skip
    middle, low, high = spread(values)
    return Row(group, name, middle, unit, low, high, target, at_least, note)


def measure(redis_url: str, sizes: list[int], rounds: int) -> dict[str, Any]:
    """Return milliseconds of flushes and deltas per CPU-second of drains, one figure a round."""
    site.set_up(redis_url=redis_url, logs=False)
    site.make_tables()
    site.by_hand()
    found: dict[str, Any] = {"flush": {}, "drain": {}, "idle_ms": []}
    for size in sizes:
        flushes, drains = [], []
        for number in range(rounds + 1):
            _fill(f"mixed{size}", size, number, counters=size // 2)
            flush, drained = _send(size, found["idle_ms"])
            if number:  # the first makes the series known
                flushes.append(flush)
                drains.append(drained)
        found["flush"][str(size)] = _columns(flushes)
        found["drain"][str(size)] = drains
    pure = []
    for number in range(rounds + 1):
        _fill("pure", min(500, sizes[-1]), number, counters=0)
        pure.append(_send(500, found["idle_ms"])[0])
    found["distributions"] = _columns(pure[1:])
    return found


def _columns(flushes: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"cpu_ms": [each[0] for each in flushes], "wall_ms": [each[1] for each in flushes]}


def _fill(name: str, size: int, number: int, counters: int) -> None:
    from artisan_monitoring import metrics_collector

    for series in range(size):
        tags = {"endpoint": f"/api/{series}", "method": "GET"}
        if series < counters:
            metrics_collector.increment(f"{name}.counted", series + number, tags)
            continue
        for step in range(BINS):
            metrics_collector.record_metric(f"{name}.timed", 0.001 * 1.1**step, "s", tags)


def _send(size: int, idle_ms: list[float]) -> tuple[tuple[float, float], float]:
    """Flush and drain what is buffered; return CPU and wall milliseconds of the flush, and the drain's speed."""
    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.pipeline.flusher import flusher

    cpu, wall = time.process_time(), time.perf_counter()
    if not flusher.flush():
        raise RuntimeError("the store did not take the batch")
    flush = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
    cpu = time.process_time()
    if not drain():
        raise RuntimeError("nothing was drained")
    drained = time.process_time() - cpu
    cpu = time.process_time()
    drain()
    idle_ms.append((time.process_time() - cpu) * 1e3)
    return flush, size / drained
