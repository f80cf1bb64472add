"""Queries and roll-ups give the same figures on both stores: windows, steps, groups, late deltas, two workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import override_settings

from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import DAY, HOUR, MINUTE, floor
from artisan_monitoring.metrics import queries
from artisan_monitoring.metrics.queries import SeriesInfo, read
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.models import MetricRollup
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Store
from artisan_monitoring.stores.connection import close_own_connections
from artisan_monitoring.testing import override_monitoring
from tests.stores.backends import empty_tables
from tests.stores.build import added, commit, counter, distribution, gauge, observed
from tests.stores.conftest import sqlite_alias  # noqa: F401  # a fixture

REDIS = "artisan_monitoring.stores.redis.RedisStore"


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest, sqlite_alias: str, django_db_blocker: Any) -> Iterator[Store]:  # noqa: F811
    """An empty store of each kind, as `get_store()` gives it."""
    keys: dict[str, Any] = {
        "DATABASE": sqlite_alias,
        "IN_TESTS": True,
        "HOUSEKEEPING": "off",
        "FLUSH_INTERVAL_S": 600.0,
    }
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        keys["STORE"] = {"BACKEND": REDIS, "OPTIONS": {"url": server.url}}
        with server.client() as client:
            client.flushall()
    with django_db_blocker.unblock(), override_settings(ARTISAN_MONITORING=keys):
        empty_tables(sqlite_alias)
        yield get_store()
        close_own_connections()


@pytest.fixture
def now(store: Store) -> int:
    """The beginning of the minute that it is."""
    return floor(store.now(), MINUTE)


def rows(series: Series | None, width: int) -> dict[int, float]:
    """Return sums of roll-ups by start: of one series, or of the whole metric."""
    chosen = MetricRollup.objects.using(queries.get_settings().DATABASE).filter(width=width, group="")
    chosen = chosen.filter(series_id=series.id if series else "")
    return dict(chosen.values_list("start", "sum"))


def spread(store: Store, now: int, *, minutes: int = 10) -> None:
    """Write one order a minute and shop into the last minutes, and a second one for the shop `b`."""
    for back in range(minutes):
        at = now - back * MINUTE
        commit(
            store, Delta(counter(shop="a"), at, 60, added(1)), Delta(counter(shop="b", by="app"), at, 60, added(1, 1))
        )


# -- queries ----------------------------------------------------------------------------------------------------------


def test_a_window_is_exact_to_its_slots(store: Store, now: int) -> None:
    spread(store, now)

    assert read("orders", now - 9 * MINUTE, now + MINUTE).overall().sum == 30
    assert read("orders", now - 2 * MINUTE, now).overall().sum == 6
    # A window that begins within a slot takes all of it.
    assert read("orders", now - 2 * MINUTE + 59, now).overall().sum == 6
    assert read("orders", now + MINUTE, now + HOUR).groups == {}
    assert read("no such metric", now - HOUR, now).overall().count == 0


def test_slots_have_the_width_that_is_asked_for(store: Store, now: int) -> None:
    spread(store, now)
    begin = floor(now - 9 * MINUTE, 5 * MINUTE)

    found = read("orders", begin, now + MINUTE, step_s=5 * MINUTE)
    ((group, points),) = found.groups.items()

    assert (group, found.start, found.step_s) == ((), begin, 300)
    assert [point.start for point in points] == sorted({floor(now - back * MINUTE, 300) for back in range(10)})
    assert sum(point.cell.sum for point in points) == 30
    assert found.as_of == pytest.approx(time.time(), abs=5)


def test_without_a_width_there_are_at_most_so_many_points(store: Store, now: int) -> None:
    spread(store, now, minutes=30)

    for points in (1, 7, 60):
        found = read("orders", now - 29 * MINUTE, now + MINUTE, points=points)
        assert len(found.groups[()]) <= points + 1
        assert found.overall().sum == 90


def test_groups_and_conditions(store: Store, now: int) -> None:
    spread(store, now)
    window = (now - 9 * MINUTE, now + MINUTE)

    by_shop = read("orders", *window, group_by=("shop",))
    by_both = read("orders", *window, group_by=("by", "shop"))
    only_b = read("orders", *window, where={"shop": "b"})

    assert {group: by_shop.total(group).sum for group in by_shop.groups} == {("a",): 10, ("b",): 20}
    assert set(by_both.groups) == {("", "a"), ("app", "b")}
    assert (only_b.overall().sum, only_b.total().count) == (20, 20)
    assert read("orders", *window, where={"shop": "b", "by": "post"}).groups == {}
    assert by_shop.total(("c",)).count == 0


def test_percentiles_merge_over_slots_and_series(store: Store, now: int) -> None:
    for back in range(10):
        values = [(10 * back + n + 1) / 1000 for n in range(10)]
        commit(store, Delta(distribution(node=str(back % 3)), now - back * MINUTE, 60, observed(*values)))

    cell = read("duration", now - 9 * MINUTE, now + MINUTE).overall()

    assert (cell.count, cell.min, cell.max) == (100, 0.001, 0.1)
    assert cell.quantile(0.5) == pytest.approx(0.050, rel=0.011)
    assert cell.quantile(0.99) == pytest.approx(0.099, rel=0.011)


def test_a_window_that_ends_before_it_begins_is_the_callers_error(store: Store, now: int) -> None:
    with pytest.raises(ValueError, match="must be after start"):
        read("orders", now, now)


def test_names_tell_what_there_is(store: Store, now: int) -> None:
    spread(store, now, minutes=1)
    commit(store, Delta(distribution(), now, 60, observed(1)))

    assert [each.name for each in queries.names()] == ["duration", "orders", "orders"]
    assert queries.names("duration") == [SeriesInfo("duration", "distribution", "s", ())]


@pytest.mark.parametrize(("combine", "value"), [("sum", 12), ("max", 7), ("min", 5), ("last", 7)])
def test_a_gauge_is_made_of_its_processes(store: Store, now: int, combine: Any, value: float) -> None:
    series = Series("queue", "gauge", "1", (), combine)
    readings = ((series, "p1", 5.0, store.now() - 2), (series, "p2", 7.0, store.now() - 1))
    commit(store, gauges=readings)

    assert queries.gauge_now("queue") == value
    assert queries.gauge_now("queue", {"node": "b"}) is None


def test_a_silent_process_leaves_the_sum(store: Store, now: int) -> None:
    series = gauge()
    commit(store, gauges=((series, "gone", 100.0, store.now() - 4000), (series, "here", 3.0, store.now())))

    assert queries.gauge_now("queue") == 3


# -- roll-ups ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hour(store: Store) -> int:
    """An hour that is closed, with its day."""
    return floor(store.now(), DAY) - DAY + 5 * HOUR


def test_twice_and_late_change_nothing_but_what_is_new(store: Store, hour: int) -> None:
    orders = counter(shop="a")
    commit(store, Delta(orders, hour, 60, added(2)), Delta(orders, hour + HOUR, 60, added(3)))
    assert flush_metrics() == 2
    assert flush_metrics() == 0
    assert rows(orders, HOUR) == {hour: 2, hour + HOUR: 3}
    assert rows(None, DAY) == rows(orders, DAY) == {hour - 5 * HOUR: 5}

    commit(store, Delta(orders, hour + 120, 60, added(10)))
    assert set(store.dirty_hours()) == {hour}
    assert flush_metrics() == 1

    assert rows(orders, HOUR) == {hour: 12, hour + HOUR: 3}
    assert rows(None, DAY) == {hour - 5 * HOUR: 15}
    assert store.dirty_hours() == {}


def test_two_workers_at_once_write_what_one_would(store: Store, hour: int) -> None:
    orders = counter(shop="a")
    for offset in range(6):
        commit(store, Delta(orders, hour + offset * HOUR, 60, added(1, 2)))

    one_drainer = threading.Lock()

    def work(number: int) -> None:
        for minute in range(3):
            with one_drainer:
                commit(store, Delta(orders, hour + (2 * minute + number) * MINUTE, 60, added(5)))
            flush_metrics()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    flush_metrics()

    assert rows(orders, HOUR) == {hour: 33, **{hour + offset * HOUR: 3 for offset in range(1, 6)}}
    assert rows(orders, DAY) == {hour - 5 * HOUR: 48}


def test_the_hour_that_runs_is_left_alone(store: Store, now: int) -> None:
    commit(store, Delta(counter(), now, 60, added(1)))

    assert flush_metrics() == 0
    assert set(store.dirty_hours()) == {floor(now, HOUR)}
    assert rows(counter(), HOUR) == {}


def test_a_window_over_the_border_counts_each_hour_once(store: Store, now: int) -> None:
    orders = counter(shop="a")
    border = floor(store.now() - 2 * DAY, HOUR)
    for offset in range(-6, 6):
        commit(store, Delta(orders, border + offset * HOUR, 60, added(1)))
    commit(store, Delta(orders, now, 60, added(1)))
    assert flush_metrics() == 12

    with override_monitoring(RETENTION={"METRICS": 2}):
        # Whether what is past its time has been deleted already makes no difference.
        for _ in range(2):
            assert read("orders", border - DAY, now + MINUTE).overall().sum == 13
            assert read("orders", border - 3 * HOUR, border + 3 * HOUR, step_s=HOUR).overall().sum == 6
            found = read("orders", border - 2 * HOUR, border + 2 * HOUR, step_s=HOUR, group_by=("shop",))
            assert [point.start for point in found.groups["a",]] == [border + n * HOUR for n in range(-2, 2)]
            get_store().expire(border, border)
