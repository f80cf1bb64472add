"""Short ways to put requests and errors into a store, at times of the test's choosing."""

from __future__ import annotations

import random

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.stores.base import Commit, Cursor, Store, merge_deltas

REQUESTS = "http.server.request.duration"


def request_series(route: str, status: int = 200) -> Series:
    tags = (("http.request.method", "GET"), ("http.response.status_code", str(status)), ("http.route", route))
    return Series(REQUESTS, "distribution", "s", tags)


def requests(at: float, *seconds: float, route: str = "/shop/", status: int = 200) -> Delta:
    """Requests in the minute that holds `at`."""
    cell = Cell()
    for each in seconds:
        cell.observe(each, SECONDS_BOUNDS)
    return Delta(request_series(route, status), int(at) // 60 * 60, 60, cell)


def counted(at: float, value: float, name: str = "artisan.errors", **tags: str) -> Delta:
    """An increment of a counter in the minute that holds `at`."""
    cell = Cell()
    cell.add(value)
    return Delta(Series(name, "counter", "count", tuple(sorted(tags.items()))), int(at) // 60 * 60, 60, cell)


def put(store: Store, *deltas: Delta) -> None:
    """Commit deltas as the drain would."""
    cursor = store.cursor(0)
    new = Cursor(cursor.epoch, cursor.position + 1, 0)
    store.commit(Commit(0, cursor, new, merge_deltas(deltas)))


def busy(store: Store, series: int, minutes: int = 30) -> None:
    """Fill the last minutes of many series."""
    now, rng = store.now(), random.Random(series)
    for back in range(0, minutes, 10):
        put(store, *(
            requests(now - 60 * (back + minute), rng.lognormvariate(-4, 0.6), route=f"/route/{number}/",
                     status=500 if number % 5 == 0 else 200)
            for minute in range(10) for number in range(series)
        ))  # fmt: skip
