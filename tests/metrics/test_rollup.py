"""Closed hours become rows once, whatever order, number of workers or lateness they come in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import DAY, HOUR, floor
from artisan_monitoring.metrics import rollup
from artisan_monitoring.metrics.rollup import flush_metrics, roll_up_hour
from artisan_monitoring.models import MetricRollup
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Store
from artisan_monitoring.stores.connection import own_connection
from tests.stores.build import added, commit, counter, gauge

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


@pytest.fixture
def store() -> Store:
    return get_store()


@pytest.fixture
def yesterday(store: Store) -> int:
    return floor(store.now(), DAY) - DAY


def add(store: Store, series: Series, at: int, value: float = 1) -> None:
    cell: Cell = added(value)
    commit(store, Delta(series, at, 60, cell))


def sums(series_id: str = "", **where: object) -> dict[int, float]:
    rows = MetricRollup.objects.filter(series_id=series_id, group="", **where)
    return dict(rows.values_list("start", "sum"))


def test_hours_and_their_day_are_written_and_a_late_delta_makes_both_right_again(store: Store, yesterday: int) -> None:
    orders = counter()
    add(store, orders, yesterday, 2)
    add(store, orders, yesterday + HOUR, 3)
    assert flush_metrics() == 2
    assert sums(orders.id, width=HOUR) == {yesterday: 2, yesterday + HOUR: 3}
    assert sums(width=DAY) == {yesterday: 5}

    add(store, orders, yesterday + 60, 10)
    assert flush_metrics() == 1
    assert flush_metrics() == 0

    assert sums(orders.id, width=HOUR) == {yesterday: 12, yesterday + HOUR: 3}
    assert sums(width=DAY) == {yesterday: 15}


def test_a_day_has_all_its_hours_though_an_earlier_one_was_written_to_last(store: Store, yesterday: int) -> None:
    add(store, counter(), yesterday + HOUR, 3)
    add(store, counter(), yesterday, 2)

    flush_metrics()

    assert sums(width=DAY) == {yesterday: 5}


def test_a_worker_with_old_numbers_overwrites_nothing(store: Store, yesterday: int) -> None:
    add(store, counter(), yesterday, 2)
    ((hour, old),) = store.dirty_hours().items()
    add(store, counter(), yesterday, 5)
    flush_metrics()
    cells = rollup._hour_cells(store, hour)
    for _, cell in cells.values():
        cell.sum = 2  # as it was read before the second commit

    rollup._write(cells, hour, HOUR, old)

    assert sums(width=HOUR) == {yesterday: 7}


def test_a_metric_that_changed_its_kind_is_kept_as_both(store: Store, yesterday: int) -> None:
    add(store, counter("queue"), yesterday, 2)
    reading = Cell()
    reading.set(7, yesterday + 1)
    commit(store, Delta(gauge("queue"), yesterday, 60, reading))

    assert flush_metrics() == 1

    assert sums(width=HOUR, kind="counter") == {yesterday: 2}
    assert sums(width=HOUR, kind="gauge") == {yesterday: 7}


def test_an_hour_that_cannot_be_rolled_up_keeps_no_other_from_it(
    store: Store, yesterday: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DataError

    def fail_first(mine: Store, hour: int, version: int) -> int:
        if hour == yesterday:
            raise DataError("no row can hold it")
        return roll_up_hour(mine, hour, version)

    add(store, counter(), yesterday)
    add(store, counter(), yesterday + HOUR)
    with monkeypatch.context() as patched, pytest.raises(DataError):
        patched.setattr(rollup, "roll_up_hour", fail_first)
        flush_metrics()
    assert set(sums(width=HOUR)) == {yesterday + HOUR}
    assert set(store.dirty_hours()) == {yesterday}

    flush_metrics()
    assert set(sums(width=HOUR)) == {yesterday, yesterday + HOUR}


def test_a_worker_that_looked_before_another_inserted_overwrites_nothing(
    store: Store, yesterday: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, counter(), yesterday, 2)
    ((hour, version),) = store.dirty_hours().items()
    old = rollup._hour_cells(store, hour)
    add(store, counter(), yesterday, 5)
    flush_metrics()
    really_look, looks = rollup._locked_versions, []

    def look(*args: Any) -> dict[rollup.Key, int]:
        looks.append(args)
        return {} if len(looks) == 1 else really_look(*args)  # the rows were not there yet

    monkeypatch.setattr(rollup, "_locked_versions", look)
    rollup._write(old, hour, HOUR, version)

    assert len(looks) == 2
    assert sums(width=HOUR) == {yesterday: 7}


def test_the_look_for_what_is_there_reads_no_more_than_it_writes(store: Store, yesterday: int) -> None:
    """A metric of many series is written in pieces: each looks at its own rows, not at all of the metric's."""
    commit(store, *(Delta(counter(n=str(number)), yesterday, 60, added(1)) for number in range(450)))
    flush_metrics()
    cells = rollup._hour_cells(store, yesterday)
    piece = {key: cells[key] for key in sorted(cells)[:200]}
    with (
        own_connection("monitoring") as connection,
        CaptureQueriesContext(connection) as queries,
        transaction.atomic(using="monitoring"),
    ):
        assert set(rollup._locked_versions(piece, yesterday, HOUR, "monitoring")) == set(piece)
    (query,) = (each["sql"] for each in queries if "SELECT" in each["sql"])
    with own_connection("monitoring") as connection, connection.cursor() as cursor:
        cursor.execute(query)
        assert len(cursor.fetchall()) == len(piece)
