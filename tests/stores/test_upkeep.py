"""The contract of upkeep: dirty hours, packing, expiry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.windows import DAY, HOUR
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.stores.base import GAUGE_PROCESSES, Producer, Store

from .backends import Backend
from .build import (
    HOUR_AGO,
    NOW,
    added,
    commit,
    counter,
    delta,
    distribution,
    gauge,
    observed,
    same,
    slots,
    sum_of,
    total,
)


def test_an_hour_is_dirty_until_it_is_cleaned_at_its_version(store: Store) -> None:
    orders = counter()
    commit(store, delta(orders, added(1)), delta(orders, added(1), minute=60))
    first = store.dirty_hours()
    assert list(first) == [HOUR_AGO, HOUR_AGO + HOUR]
    commit(store, delta(orders, added(1)), shard=store.shards - 1)
    second = store.dirty_hours()
    assert second[HOUR_AGO] > first[HOUR_AGO]
    store.clean_hour(HOUR_AGO, first[HOUR_AGO])
    assert HOUR_AGO in store.dirty_hours(), "it was written to since"
    store.clean_hour(HOUR_AGO, second[HOUR_AGO])
    store.clean_hour(HOUR_AGO, second[HOUR_AGO])
    assert list(store.dirty_hours()) == [HOUR_AGO + HOUR]
    commit(store, delta(orders, added(1)))
    assert store.dirty_hours()[HOUR_AGO] > second[HOUR_AGO], "versions grow over a cleaning too"


def test_packing_makes_ten_minute_cells_and_keeps_every_count(store: Store) -> None:
    orders, duration = counter(), distribution()
    for minute in range(60):
        commit(
            store,
            delta(orders, added(1, minute), minute=minute),
            delta(duration, observed(0.01 * minute), minute=minute),
        )
    next_hour = delta(orders, added(1000), minute=60)
    commit(store, next_hour)
    assert store.pack_hour(HOUR_AGO) == 120
    found = slots(store, orders)
    assert sorted(found) == [(HOUR_AGO + 600 * ten, 600) for ten in range(6)]
    assert [cell.count for _, cell in sorted(found.items())] == [20] * 6
    assert sum_of(store, orders) == 60 + sum(range(60))
    whole = Cell()
    for cell in slots(store, duration).values():
        assert cell.schema == 4
        whole.merge(cell)
    assert same(whole, observed(*(0.01 * minute for minute in range(60))))
    assert slots(store, orders, start=HOUR_AGO + HOUR, end=HOUR_AGO + 2 * HOUR)[HOUR_AGO + HOUR, 60].sum == 1000
    assert total(store, orders).count == 121


def test_packing_twice_changes_nothing_and_takes_late_cells_in(store: Store) -> None:
    orders = counter()
    commit(store, delta(orders, added(1), minute=3), delta(orders, added(5), width=3600))
    assert store.pack_hour(HOUR_AGO) == 2
    assert store.pack_hour(HOUR_AGO) == store.pack_hour(HOUR_AGO, coarse=False) == 0
    commit(store, delta(orders, added(10), minute=4))
    assert slots(store, orders)[HOUR_AGO + 240, 60].sum == 10, "a late cell is seen beside the archive"
    assert store.pack_hour(HOUR_AGO) == 3
    assert {key: cell.sum for key, cell in slots(store, orders).items()} == {(HOUR_AGO, 600): 11, (HOUR_AGO, 3600): 5}
    assert store.pack_hour(HOUR_AGO - DAY) == 0


def test_a_closed_hour_is_archived_at_full_resolution_first(store: Store) -> None:
    duration, minutes = distribution(), (0, 1, 30, 59)
    for minute in minutes:
        commit(store, delta(duration, observed(0.1, 0.2 * minute), minute=minute))
    before = slots(store, duration)
    assert store.pack_hour(HOUR_AGO, coarse=False) == 4
    assert store.pack_hour(HOUR_AGO, coarse=False) == 0
    after = slots(store, duration)
    assert sorted(after) == sorted(before) == [(HOUR_AGO + 60 * minute, 60) for minute in minutes]
    assert all(same(after[slot], before[slot]) and after[slot].schema == 5 for slot in before)
    assert sorted(slots(store, duration, start=HOUR_AGO + 60, end=HOUR_AGO + 1801)) == [
        (HOUR_AGO + 60, 60),
        (HOUR_AGO + 1800, 60),
    ], "a window cuts an archive"
    commit(store, delta(duration, observed(9), minute=1), delta(duration, observed(9), minute=2))
    assert same(slots(store, duration)[HOUR_AGO + 60, 60], observed(0.1, 0.2, 9))
    assert store.pack_hour(HOUR_AGO, coarse=False) == 6
    assert same(slots(store, duration)[HOUR_AGO + 60, 60], observed(0.1, 0.2, 9))
    assert store.pack_hour(HOUR_AGO) == 5
    assert sorted(slots(store, duration)) == [(HOUR_AGO + 600 * ten, 600) for ten in (0, 3, 5)]
    assert same(slots(store, duration)[HOUR_AGO, 600], observed(0.1, 0, 0.1, 0.2, 9, 9))
    store.expire(HOUR_AGO + 600, 0)
    assert len(slots(store, duration)) == 3, "an archive lives as long as its last cell"


def insist(step: Callable[[], Any]) -> Any:
    """Try again, as the drain does: SQLite gives no turns, and a loop on the other side may hold the lock past 5 s."""
    for _ in range(4):
        with suppress(StoreUnavailable):
            return step()
    return step()


def test_packing_beside_commits_loses_and_doubles_nothing(backend: Backend) -> None:
    all_series, rounds = [counter(n=str(number)) for number in range(12)], 25
    failures: list[BaseException] = []

    def write() -> None:
        store = backend.new_store()
        try:
            for step in range(rounds):
                deltas = [delta(each, added(1), minute=step % 60) for each in all_series]
                insist(lambda deltas=deltas: commit(store, *deltas))
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=write)
    thread.start()
    packed = 0
    while thread.is_alive():
        coarse = bool(packed % 2)
        packed += insist(lambda coarse=coarse: backend.store.pack_hour(HOUR_AGO, coarse=coarse))
    packed += backend.store.pack_hour(HOUR_AGO)
    assert failures == []
    assert packed > len(all_series)
    for each in all_series:
        assert {width for _, width in slots(backend.store, each)} == {600}
        assert sum_of(backend.store, each) == total(backend.store, each).sum == rounds


def test_upkeep_breathes_between_its_steps(store: Store) -> None:
    breaths: list[int] = []
    store.breathe = lambda: breaths.append(1)
    commit(store, *(delta(counter(n=str(number)), added(1)) for number in range(30)))
    store.pack_hour(HOUR_AGO)
    assert len(breaths) >= 3


def test_expiry_forgets_series_that_are_silent(store: Store) -> None:
    orders, queue = counter(), gauge()
    store.append(0, "web", 1, b"x", limit_bytes=1000)
    commit(
        store,
        delta(orders, added(1)),
        delta(queue, added(1)),
        gauges=((queue, "web", 3.0, NOW - 60),),
        producers=(Producer("web", 1, 2),),
    )
    store.expire(HOUR_AGO - DAY, NOW - DAY)
    assert len(store.series()) == len(store.totals()) == 2
    assert store.expire(HOUR_AGO - DAY, NOW + DAY) >= 2
    assert store.series() == store.series("orders") == store.totals() == []
    assert store.gauges([queue.id]) == {}
    assert store.append(0, "web", 1, b"x", limit_bytes=1000).duplicate, "the guard of a process outlives its series"
    commit(store, delta(orders, added(7)))
    assert store.series("orders") == [orders]
    assert total(store, orders).sum == 7, "it starts anew"


def test_a_gauge_of_a_thousand_living_processes_keeps_them_all(store: Store) -> None:
    queue = gauge()
    living = tuple((queue, f"web-{number}", 1.0, NOW - 5.0) for number in range(GAUGE_PROCESSES + 100))
    commit(store, delta(queue, added(1)), gauges=living)
    store.expire(HOUR_AGO - DAY, NOW - DAY)
    assert len(store.gauges([queue.id])[queue.id]) == GAUGE_PROCESSES + 100


def test_of_the_processes_that_are_gone_a_gauge_keeps_the_newest(store: Store) -> None:
    """Workers that are recycled leave a reading each: bounded, though they have not been silent for eight days."""
    queue, other = gauge(), gauge("other")
    gone = tuple((queue, f"gone-{number}", 1.0, NOW - 2.0 * HOUR - number) for number in range(GAUGE_PROCESSES + 100))
    living = tuple((queue, f"web-{number}", 1.0, NOW - 5.0) for number in range(3))
    rest = ((other, "gone-0", 1.0, NOW - 2.0 * HOUR),)
    commit(store, delta(queue, added(1)), delta(other, added(1)), gauges=(*gone, *living, *rest))
    store.expire(HOUR_AGO - DAY, NOW - DAY)
    kept = {each.process for each in store.gauges([queue.id])[queue.id]}
    newest = {f"gone-{number}" for number in range(GAUGE_PROCESSES - 3)}
    assert kept == newest | {"web-0", "web-1", "web-2"}
    assert [each.process for each in store.gauges([other.id])[other.id]] == ["gone-0"]


def test_expiry_forgets_old_hours(store: Store) -> None:
    commit(store, delta(counter(), added(1)), delta(counter(), added(1), minute=60))
    store.expire(HOUR_AGO + HOUR, 0)
    assert list(store.dirty_hours()) == [HOUR_AGO + HOUR]


@pytest.mark.parametrize("many", [1200])
def test_expiry_goes_in_bounded_steps(store: Store, many: int) -> None:
    for at in range(0, many, 400):
        commit(store, *(delta(counter(n=str(number)), added(1)) for number in range(at, at + 400)))
    breaths: list[int] = []
    store.breathe = lambda: breaths.append(1)
    assert store.expire(HOUR_AGO - DAY, NOW + DAY) >= many
    assert store.series() == []
    assert len(breaths) >= 2
