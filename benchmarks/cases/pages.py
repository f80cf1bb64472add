"""What the overview costs the worker that answers it: each window at first look, with a week of many series in store.

All series are of the requests' metric, as with 100 routes of five methods and statuses each, and busy in every minute.
Nothing is remembered from an earlier look; templates are loaded.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import child, services, site
from benchmarks.table import Row, skipped, spread

SERIES, DAYS = 500, 7
BUDGET_MS = 150.0
WINDOWS = ("1h", "6h", "24h", "7d", "30d")
ANSWERS = (("GET", "200"), ("GET", "404"), ("POST", "200"), ("POST", "302"), ("GET", "500"))
FILL_S = 900.0
"""Filling the store takes a minute of processor time, and many of a machine that does other things."""
HOURS = 7
"""Of minutes: the window of six hours begins within the first."""


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield a row a window and store."""
    series, days, hours, rounds = (20, 1, 1, 2) if quick else (SERIES, DAYS, HOURS, 7)
    group = f"Overview, first look, {days} d of {series} series (CPU)"
    with services.redis_url() as url:
        for name, address in (("Redis", url), ("SQLite", "")):
            if name == "Redis" and not url:
                yield skipped(group, "on Redis", "no redis-server")
                continue
            size = {"series": series, "days": days, "hours": hours}
            found = child.run(__name__, "measure", redis_url=address, rounds=rounds, timeout_s=FILL_S, **size)
            for window in WINDOWS:
                middle, low, high = spread(found[window])
                yield Row(group, f"{window}, {name}", middle, "ms", low, high, BUDGET_MS)


def measure(redis_url: str, series: int, days: int, hours: int, rounds: int) -> dict[str, Any]:
    """Return milliseconds of processor time, a figure a round, by window."""
    site.set_up(redis_url=redis_url, logs=False, admin=True)
    site.make_tables()
    site.by_hand()
    fill(series, days, hours)
    look = looker()
    look("1h")
    found: dict[str, Any] = {window: [] for window in WINDOWS}
    for _ in range(rounds):
        for window in WINDOWS:
            found[window].append(look(window))
    return found


def looker() -> Any:
    """Return a function that opens the overview with nothing remembered, and returns its milliseconds of CPU."""
    from django.contrib.auth.models import User
    from django.test import RequestFactory

    from artisan_monitoring.admin.overview import OverviewAdmin
    from artisan_monitoring.dashboard import traffic
    from artisan_monitoring.models import Overview

    from django.contrib import admin  # isort: skip

    page = admin.site.get_model_admin(Overview)
    assert isinstance(page, OverviewAdmin)
    viewer = User(username="viewer", is_superuser=True, is_staff=True, is_active=True)

    def look(window: str) -> float:
        request = RequestFactory().get("/", {"window": window})
        request.user = viewer
        traffic.forget()
        began = time.process_time()
        response: Any = page.changelist_view(request)
        body = response.render().content
        took = (time.process_time() - began) * 1000
        if b"am-problem" in body or b"am-plot" not in body:
            raise AssertionError(f"the overview of {window} is not whole")
        return took

    return look


def fill(series: int, days: int, hours: int = HOURS) -> None:
    """Put requests into the store as the drain would, minute by minute, and roll the closed hours up.

    Minutes are those of the last `hours`, and older hours the roll-ups of one of them: no window reads older cells.
    """
    from artisan_monitoring.core.packing import Delta
    from artisan_monitoring.core.windows import HOUR, MINUTE
    from artisan_monitoring.metrics.rollup import flush_metrics
    from artisan_monitoring.stores import get_store
    from tests.stores.build import commit, observed

    store = get_store()
    now = int(store.now()) // MINUTE * MINUTE
    numbers = random.Random(1)
    cells = [observed(*(numbers.lognormvariate(-3.5, 0.7) for _ in range(20))) for _ in range(16)]
    known = [_series(number) for number in range(series)]
    first = now // HOUR * HOUR - hours * HOUR
    for at in range(first, now + MINUTE, MINUTE):
        commit(store, *(Delta(each, at, MINUTE, numbers.choice(cells)) for each in known))
    flush_metrics()
    _repeat(first, days)


def _series(number: int) -> Any:
    from artisan_monitoring.core.series import Series

    method, status = ANSWERS[number % len(ANSWERS)]
    route = f"/shop/<int:pk>/part{number // len(ANSWERS)}/"
    tags = (("http.request.method", method), ("http.response.status_code", status), ("http.route", route))
    return Series("http.server.request.duration", "distribution", "s", tags)


def _repeat(hour: int, days: int) -> None:
    """Give each hour of the days before the roll-ups of one hour, and the days theirs."""
    from artisan_monitoring.core.windows import DAY, HOUR
    from artisan_monitoring.metrics.rollup import roll_up_day
    from artisan_monitoring.models import MetricRollup

    rows = list(MetricRollup.objects.using("monitoring").filter(start=hour, width=HOUR))
    hours = range(hour - days * DAY, hour, HOUR)
    for at in hours:
        for row in rows:
            row.pk, row.start = None, at
        MetricRollup.objects.using("monitoring").bulk_create(rows, batch_size=500)
    for day in {at // DAY * DAY for at in (*hours, hour)}:
        roll_up_day(day)
