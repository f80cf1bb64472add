"""What a store of 10 to 5,000 series over a week costs to keep, to write and to read; by store, each in its own child.

Each series is a distribution of 30 values a minute. Six days are laid coarse and one fine, as packing leaves them; the
last hour that is over is written the real way, minute by minute, then rolled up and packed by the job. On 5,000 series
that takes minutes: the group is not run unless it is asked for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import child, site
from benchmarks.load import history
from benchmarks.services import StoreServer, store_server
from benchmarks.table import Row, skipped, spread
from tests.services import ServiceMissing

SIZES = (10, 100, 1000, 5000)
STORES = ("redis", "postgres", "sqlite")
TIMEOUT_S = 1800


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the rows of each store and size; BENCHMARKS_SCALE, as "redis 100 5000", chooses some of them."""
    chosen = os.environ.get("BENCHMARKS_SCALE", "").split()
    sizes = tuple(int(each) for each in chosen if each.isdecimal())
    for kind in [each for each in STORES if each in chosen] or STORES:
        for size in sizes or (SIZES[:1] if quick else SIZES):
            group = f"{size:,} series x 7 days on {kind}"
            try:
                options: dict[str, Any] = {"kind": kind, "size": size, "days": 1 if quick else 7}
                found = child.run(__name__, "measure", timeout_s=TIMEOUT_S, **options)
            except ServiceMissing as exc:
                yield skipped(group, "all", str(exc))
                continue
            if found.get("missing"):
                yield skipped(group, "all", found["missing"])
                continue
            yield from _rows_of(group, found)


def _rows_of(group: str, found: dict[str, Any]) -> Iterator[Row]:
    for name, value in found["bytes"].items():
        yield Row(group, name, value, "bytes")
    for name, (own, server) in found["once"].items():
        yield Row(group, f"{name}, CPU", own, "ms", note=f"server {server:,.1f} ms" if server else "")
    for name, values in found["times"].items():
        middle, low, high = spread(values)
        yield Row(group, f"{name}, CPU", middle, "ms", low, high)


def measure(kind: str, size: int, days: int) -> dict[str, Any]:
    """Return bytes, and milliseconds of processor time, of one size on one store."""
    try:
        with store_server(kind, Path(os.environ["BENCHMARKS_DIR"])) as server:
            return _measure(server, size, days)
    except ServiceMissing as exc:
        return {"missing": str(exc)}


def _measure(server: StoreServer, size: int, days: int) -> dict[str, Any]:
    _set_up(server)
    from artisan_monitoring.stores import get_store

    store = get_store()
    series, hours = history.series_of(size), history.made_hours()
    over = int(store.now()) // history.HOUR * history.HOUR - history.HOUR  # the last hour that is over
    starts = [over - history.HOUR * n for n in range(1, days * 24)][::-1]
    fine = [start for start in starts if start > over - history.DAY]
    coarse = [start for start in starts if start <= over - history.DAY]
    found: dict[str, Any] = {"bytes": {}, "once": {}, "times": {}}
    found["once"]["registering all series"] = _timed(server, lambda: _write(series, hours, over, minutes=1))
    _kept(found, server, size, history.HOUR, coarse, "an old series-day", lambda: history.lay_cells(
        store, series, hours, coarse, coarse=True))  # fmt: skip
    _kept(found, server, size, history.HOUR, fine, "a series-day of the last 24 h", lambda: history.lay_cells(
        store, series, hours, fine, coarse=False))  # fmt: skip
    if server.kind != "redis":
        _kept(found, server, size, history.HOUR, starts, "a series-day of roll-ups", lambda: history.lay_rollups(
            series, hours, starts))  # fmt: skip
    else:
        history.lay_rollups(series, hours, starts)
    _work(found, server, series, hours, over)
    _reading(found, series, store.now())
    return found


def _kept(
    found: dict[str, Any], server: StoreServer, size: int, width: int, starts: list[int], name: str,
    lay: Callable[[], object],
) -> None:  # fmt: skip
    """Note the bytes that a day of one series takes."""
    if starts:
        before = server.size_bytes()
        lay()
        found["bytes"][name] = (server.size_bytes() - before) / size / (len(starts) * width / history.DAY)


def _work(found: dict[str, Any], server: StoreServer, series: list[Any], hours: list[Any], over: int) -> None:
    """Write an hour the real way, and run the jobs on it."""
    from datetime import UTC, datetime

    from artisan_monitoring.metrics.rollup import flush_metrics
    from artisan_monitoring.pipeline.purge import purge_cells
    from artisan_monitoring.stores import get_store

    own, theirs = _timed(server, lambda: _write(series, hours, over, minutes=60))
    found["once"]["a flush interval of all series, one process"] = own / 60, theirs / 60
    # The hour has just settled, whatever the time is: the last hour of the pages holds nearly all of it.
    store, now = get_store(), over + history.HOUR + 3 * 60
    store.now = lambda: now  # type: ignore[method-assign]
    found["once"]["roll-up and packing of an hour"] = _timed(server, flush_metrics)
    found["times"]["flush_metrics with nothing to do"] = _repeat(flush_metrics, 5)
    found["once"]["purge with nothing to do"] = _timed(server, lambda: purge_cells(datetime.fromtimestamp(now, UTC)))
    in_an_hour = datetime.fromtimestamp(now + 2 * history.HOUR, UTC)
    found["once"]["purge of an hour of buckets"] = _timed(server, lambda: purge_cells(in_an_hour))


def _write(series: list[Any], hours: list[Any], start: int, *, minutes: int) -> None:
    """Send minutes of one worker through outbox, inbox and drain."""
    from collections import Counter
    from uuid import uuid4

    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.pipeline.outbox import Outbox
    from artisan_monitoring.stores import get_store

    outbox, store = Outbox(0, uuid4().hex, Counter()), get_store()
    for minute, cells in enumerate(history.batches(series, hours, start)):
        if minute == minutes:
            return
        for each, cell in cells:
            outbox.put_cell(start + 60 * minute, each, cell)
        if not outbox.send(store, 64 * 1024 * 1024) or not drain():
            raise AssertionError("a minute did not arrive")


def _reading(found: dict[str, Any], series: list[Any], now: float) -> None:
    from artisan_monitoring.metrics.queries import names, read

    times = found["times"]
    times["names of all series"] = _repeat(names, 5)
    times["requests of the last hour, all routes"] = _repeat(lambda: read(history.REQUESTS, now - 3600, now), 3)
    times["requests of 24 hours, one route"] = _repeat(
        lambda: read(history.REQUESTS, now - history.DAY, now, where={"http.route": "shop/part1/<pk>/"}), 3
    )


def _timed(server: StoreServer, work: Callable[[], object]) -> tuple[float, float]:
    own, theirs = time.process_time(), server.cpu_s()
    work()
    return (time.process_time() - own) * 1e3, (server.cpu_s() - theirs) * 1e3


def _repeat(work: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1e3)
    return taken


def _set_up(server: StoreServer) -> None:
    site.set_up(redis_url=server.redis_url, logs=False, database=server.database or None)
    site.make_tables()
    site.by_hand()
