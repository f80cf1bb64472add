"""What one call costs in the caller's thread: metrics, timings, log records, errors.

CPU time of loops of calls, interleaved, in fresh processes. Only buffering: what flushing and draining cost for so
many series is in the group "sending". prometheus_client and python-json-logger run in the same loops for comparison.
"""

from __future__ import annotations

import logging
import time
import timeit
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import child, site
from benchmarks.table import Row, skipped, spread

Call = Callable[[], object]

GROUP = "One call (buffering only; time, or share of another library's)"
LABELS = {
    "counter": "record_metric, counter, two tags",
    "distribution": "record_metric, distribution, two tags",
    "prometheus_counter": "prometheus_client labels().inc()",
    "prometheus_histogram": "prometheus_client labels().observe()",
    "measure_time": "with measure_time(...), one tag",
    "track_error": "track_error, raised anew from one place",
    "log": "logger.info, five fields, JSON",
    "json_logger": "python-json-logger alone, five fields",
}
# For a machine as fast as the one the targets come from; the shares hold on any.
TARGETS = {"counter": 1.0, "distribution": 1.5}
# The last is what 10 us are of the 12.7 that python-json-logger took where the targets come from.
SHARES = {
    "counter": ("prometheus_counter", 0.86, "counter / prometheus_client's"),
    "distribution": ("prometheus_histogram", 0.82, "distribution / prometheus_client's"),
    "log": ("json_logger", 0.79, "logger.info / python-json-logger's"),
}
LOG_TARGETS = {True: 10.0, False: 13.0}


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield a row a call, with `fast`; what an encoder matters to, also without."""
    results = {
        fast: [child.run(__name__, "measure", fast=fast, rounds=3 if quick else 40) for _ in range(1 if quick else 3)]
        for fast in (True, False)
    }
    times = {name: [each for one in results[True] for each in one.get(name, ())] for name in LABELS}
    for name, label in LABELS.items():
        if not times[name]:
            yield skipped(GROUP, label, "not installed")
            continue
        middle, low, high = spread(times[name])
        target = LOG_TARGETS[True] if name == "log" else TARGETS.get(name)
        yield Row(GROUP, label, middle, "us", low, high, target)
    for name, (other, target, label) in SHARES.items():
        if times[other]:
            shares = [mine / theirs for mine, theirs in zip(times[name], times[other], strict=True)]
            yield Row(GROUP, label, *_value(shares), target=target)
    slow = [each for one in results[False] for each in one["log"]]
    middle, low, high = spread(slow)
    yield Row(GROUP, LABELS["log"] + ", no orjson", middle, "us", low, high, LOG_TARGETS[False])


def _value(values: list[float]) -> tuple[float, str, float, float]:
    middle, low, high = spread(values)
    return middle, "", low, high


def measure(rounds: int) -> dict[str, list[float]]:
    """Return microseconds of CPU per call, by kind of call, one figure a round."""
    site.set_up()
    site.by_hand()
    from artisan_monitoring.core import context
    from artisan_monitoring.pipeline.buffer import buffer

    observation = context.Observation()
    observation.request_id, observation.trace_id, observation.span_id = "r" * 32, "t" * 32, "s" * 16
    context.observation.set(observation)
    timers = {name: timeit.Timer(call, timer=time.process_time) for name, call in _calls()}
    times: dict[str, list[float]] = {name: [] for name in timers}
    for number in range(rounds + 1):
        for name, timer in timers.items():
            count = 400 if name == "track_error" else 2000
            taken = timer.timeit(count) / count * 1e6
            if number:
                times[name].append(taken)
        buffer.swap()
    return times


def _calls() -> Iterator[tuple[str, Call]]:
    from artisan_monitoring import AlertSeverity, error_tracker, logger, metrics_collector

    record = metrics_collector.record_metric
    yield "counter", lambda: record("api_requests", 1, "count", {"endpoint": "/api/users", "method": "GET"})
    yield "distribution", lambda: record("api_time", 0.0123, "s", {"endpoint": "/api/users", "method": "GET"})
    yield from _prometheus()
    yield "measure_time", _timed(metrics_collector)
    yield (
        "track_error",
        lambda: error_tracker.track_error(_raised(), AlertSeverity.HIGH, context={"operation": "signup"}),
    )
    yield (
        "log",
        lambda: logger.info("User action", user_id="123", endpoint="/api/products", items=3, total=19.9, new=False),
    )
    plain = _json_logger()
    yield (
        "json_logger",
        lambda: plain.info(
            "User action",
            extra={"user_id": "123", "endpoint": "/api/products", "items": 3, "total": 19.9, "new": False},
        ),
    )


def _prometheus() -> Iterator[tuple[str, Call]]:
    try:
        from prometheus_client import Counter, Histogram
    except ImportError:
        return
    counter = Counter("api_requests", "requests", ["endpoint", "method"])
    histogram = Histogram("api_time", "seconds", ["endpoint", "method"])
    yield "prometheus_counter", lambda: counter.labels("/api/users", "GET").inc()
    yield "prometheus_histogram", lambda: histogram.labels("/api/users", "GET").observe(0.0123)


def _timed(collector: Any) -> Call:
    def timed() -> None:
        with collector.measure_time("database_query", {"table": "orders"}):
            pass

    return timed


def _raised() -> ValueError:
    def inner(amount: int) -> None:
        raise ValueError(f"no {amount}")

    try:
        inner(5)
    except ValueError as exc:
        return exc
    raise AssertionError


def _json_logger() -> logging.Logger:
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler((site.directory() / "plain.log").open("w"))
    handler.setFormatter(JsonFormatter("{asctime}{levelname}{name}{message}", style="{"))
    plain = logging.getLogger("plain")
    plain.propagate = False
    plain.addHandler(handler)
    return plain
