"""The contract of a commit: all of it or nothing, once, merged exactly."""

from __future__ import annotations

import threading

import pytest
from django.test import override_settings

from artisan_monitoring.core.series import OVERFLOW, Series
from artisan_monitoring.exceptions import CursorMoved, StoreRefused, StoreUnavailable
from artisan_monitoring.stores.base import Commit, Cursor, Producer, Store, merge_deltas

from .backends import Backend
from .build import HOUR_AGO, added, commit, counter, delta, distribution, gauge, observed, same, slots, sum_of, total


def test_a_commit_is_read_back(store: Store) -> None:
    orders, duration = counter(shop="a"), distribution(route="/x")
    commit(store, delta(orders, added(1, 2, 3)), delta(duration, observed(0.1, 0.2, 0.00000000001)), losses={"gap": 2})
    assert store.series() == sorted([orders, duration], key=lambda each: each.id)
    assert store.series("orders") == [orders]
    assert store.series("unheard of") == []
    assert same(slots(store, orders)[HOUR_AGO, 60], added(1, 2, 3))
    assert same(slots(store, duration)[HOUR_AGO, 60], observed(0.1, 0.2, 0.00000000001))
    assert total(store, orders).sum == 6
    assert total(store, duration).quantile(0.5) == pytest.approx(0.1, rel=0.011)
    assert store.losses() == {"gap": 2}


def test_deltas_merge_into_what_is_there(store: Store) -> None:
    duration = distribution()
    commit(store, delta(duration, observed(0.1)), delta(duration, observed(0.1), minute=1))
    commit(store, delta(duration, observed(0.3)), delta(duration, observed(5), minute=2))
    found = slots(store, duration)
    assert same(found[HOUR_AGO, 60], observed(0.1, 0.3))
    assert same(found[HOUR_AGO + 60, 60], observed(0.1))
    assert same(found[HOUR_AGO + 120, 60], observed(5))
    assert same(total(store, duration), observed(0.1, 0.1, 0.3, 5))


def test_slots_of_different_width_live_side_by_side(store: Store) -> None:
    orders = counter()
    commit(store, delta(orders, added(1)), delta(orders, added(2), width=600), delta(orders, added(4), width=3600))
    commit(store, delta(orders, added(8), width=3600))
    assert {width: cell.sum for (_, width), cell in slots(store, orders).items()} == {60: 1, 600: 2, 3600: 12}


def test_the_cursor_moves_with_its_commit(store: Store) -> None:
    first = store.cursor(0)
    assert (first.position, first.offset) == (0, 0)
    store.commit(Commit(0, first, first._replace(position=5, offset=3)))
    assert store.cursor(0) == Cursor(first.epoch, 5, 3)


@pytest.mark.parametrize("wrong", [{"position": 7}, {"offset": 1}, {"epoch": "another"}, {"epoch": ""}])
def test_a_commit_from_another_cursor_changes_nothing(store: Store, wrong: dict[str, object]) -> None:
    orders = counter()
    commit(store, delta(orders, added(1)))
    cursor = store.cursor(0)
    stale = Commit(0, cursor._replace(**wrong), cursor._replace(position=9), [delta(orders, added(10))])
    stale.losses = {"gap": 1}
    stale.producers = [Producer("web", 4, 4)]
    with pytest.raises(CursorMoved):
        store.commit(stale)
    assert store.cursor(0) == cursor
    assert sum_of(store, orders) == total(store, orders).sum == 1
    assert store.losses() == {}
    assert store.producers(0, ["web"]) == {}


def test_the_same_commit_twice_is_applied_once(store: Store) -> None:
    orders = counter()
    wanted = commit(store, delta(orders, added(1)))
    with pytest.raises(CursorMoved):
        store.commit(wanted)
    assert sum_of(store, orders) == 1


def test_a_commit_whose_answer_was_lost_is_not_applied_again(backend: Backend) -> None:
    store, orders = backend.store, counter()
    commit(store, delta(orders, added(1)))
    cursor = store.cursor(0)
    wanted = Commit(0, cursor, cursor._replace(position=cursor.position + 1), [delta(orders, added(10))])
    with backend.losing_reply() as cut, pytest.raises(StoreUnavailable):
        # On Redis the lost answer may be that of the reading step: then nothing was applied, which is as good.
        cut.commit(wanted)
    if store.cursor(0) == cursor:
        store.commit(wanted)
    else:
        with pytest.raises(CursorMoved):
            store.commit(wanted)
    assert sum_of(store, orders) == total(store, orders).sum == 11


def test_two_drainers_at_once_apply_each_step_once(backend: Backend) -> None:
    orders, steps, failures = counter(), 40, []

    def drain() -> None:
        store = backend.new_store()
        try:
            while (cursor := store.cursor(0)).position < steps:
                after = cursor._replace(position=cursor.position + 1)
                try:
                    store.commit(Commit(0, cursor, after, [delta(orders, added(1), minute=cursor.position)]))
                except CursorMoved:
                    pass
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = slots(backend.store, orders)
    assert len(found) == steps
    assert all(cell.sum == 1 for cell in found.values())
    assert total(backend.store, orders).sum == steps


def test_totals_never_go_backwards_and_keep_their_creation_time(store: Store) -> None:
    orders = counter()
    commit(store, delta(orders, added(1)))
    (first,) = store.totals()
    last = 0.0
    for minute in range(5):
        commit(store, delta(orders, added(minute), minute=minute))
        (now,) = store.totals("orders")
        assert now.cell.sum >= last
        assert now.created_at == first.created_at
        last = now.cell.sum
    assert abs(first.created_at - store.now()) < 60


def test_integers_are_exact_below_two_to_the_53(store: Store) -> None:
    orders = counter()
    commit(store, delta(orders, added(2**53 - 2)))
    commit(store, delta(orders, added(1)))
    assert total(store, orders).sum == 2**53 - 1


def test_floats_come_back_bit_by_bit(store: Store) -> None:
    orders, values = counter(), (0.1, 0.2, 1e-300, 12345.678901234567)
    for minute, value in enumerate(values):
        commit(store, delta(orders, added(value), minute=minute))
    assert [cell.sum for _, cell in sorted(slots(store, orders).items())] == list(values)
    assert total(store, orders).sum == sum(values)


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, 10**30])
def test_a_count_that_no_store_can_hold_is_left_out_and_counted(store: Store, count: int) -> None:
    good, bad = counter(good="yes"), counter(good="no")
    cell = added(1)
    cell.count = count
    commit(store, delta(good, added(1)), delta(bad, cell), delta(bad, added(5), minute=1))
    assert sum_of(store, good) == total(store, good).sum == 1
    assert sum_of(store, bad) == total(store, bad).sum == 5
    assert store.losses()["unstorable"] >= 1


def test_a_count_that_no_longer_fits_leaves_what_is_there(store: Store) -> None:
    orders, huge = counter(), added(1)
    huge.count = 2**62
    commit(store, delta(orders, huge.copy()))
    commit(store, delta(orders, huge.copy()))
    commit(store, delta(orders, huge.copy(), minute=1))
    commit(store, delta(orders, added(1), minute=2))
    assert {cell.count for cell in slots(store, orders).values()} == {2**62, 1}
    assert total(store, orders).count == 2**62 + 1
    assert store.losses() == {"unstorable": 2**53 + 1}


def test_a_sum_beyond_a_double_is_left_out(store: Store) -> None:
    cell = added(1)
    cell.sum = 10**400
    commit(store, delta(counter(), cell), delta(counter(), added(1), minute=1))
    assert total(store, counter()).sum == 1
    assert store.losses() == {"unstorable": 1}


def test_text_that_no_store_can_hold_is_refused_whole(store: Store) -> None:
    cursor = store.cursor(0)
    both = merge_deltas([delta(counter(), added(1)), delta(counter(tag="\ud800"), added(1))])
    with pytest.raises(StoreRefused):
        store.commit(Commit(0, cursor, cursor._replace(position=1), both, producers=[Producer("web\ud800", 1, 1)]))
    assert store.cursor(0) == cursor
    assert store.series() == []


def test_readings_that_are_no_numbers_are_left_out(store: Store) -> None:
    queue, now = gauge(), store.now()
    commit(store, gauges=((queue, "a", float("nan"), now), (queue, "b", 1.0, float("inf")), (queue, "c", 2.0, now)))
    assert [reading.process for reading in store.gauges([queue.id])[queue.id]] == ["c"]


def test_tags_of_any_text_come_back(store: Store) -> None:
    odd = [counter(tag=text) for text in ("", "ü€😀", "{0}", "a:b c\nd", "\\x00", "x" * 200)]
    commit(store, *(delta(each, added(1)) for each in odd))
    assert sorted(store.series("orders"), key=lambda each: each.id) == sorted(odd, key=lambda each: each.id)
    assert all(total(store, each).sum == 1 for each in odd)


def test_an_older_reading_of_a_gauge_never_wins(store: Store) -> None:
    queue, now = gauge(), store.now()
    commit(store, gauges=((queue, "web-1", 5.0, now - 10), (queue, "web-2", 7.5, now - 1)))
    commit(store, gauges=((queue, "web-1", 4.0, now - 30), (queue, "web-2", 8.0, now - 1)))
    (readings,) = store.gauges([queue.id]).values()
    found = {reading.process: reading for reading in readings}
    assert found["web-1"].value == 5.0
    assert found["web-1"].age_s == pytest.approx(10, abs=5)
    assert found["web-2"].value == 8.0, "the same time: the later one wins"
    assert store.gauges(["0" * 16]) == {}


def test_a_gauge_alone_makes_its_series_known(store: Store) -> None:
    queue = gauge()
    commit(store, gauges=((queue, "web-1", 5.0, store.now()),))
    assert store.series("queue") == [queue]
    assert store.series("queue")[0].combine == "sum"


def test_what_was_drained_of_a_process_is_kept_beside_its_guard(store: Store) -> None:
    store.append(0, "web-1", 5, b"x", limit_bytes=1000)
    assert store.producers(0, ["web-1"]) == {}
    commit(store, producers=(Producer("web-1", 3, 30), Producer("web-2", 1, 10)))
    commit(store, producers=(Producer("web-1", 4, 44),))
    assert store.producers(0, ["web-1", "web-2", "web-3"]) == {
        "web-1": Producer("web-1", 4, 44),
        "web-2": Producer("web-2", 1, 10),
    }
    assert store.append(0, "web-1", 5, b"x", limit_bytes=1000).duplicate


def test_losses_add_up(store: Store) -> None:
    commit(store, losses={"gap": 2, "too_old": 1})
    commit(store, losses={"gap": 3})
    store.add_losses({"gap": 10, "wiped": 4, "none": 0})
    store.add_losses({})
    assert store.losses() == {"gap": 15, "too_old": 1, "wiped": 4}


def test_new_series_beyond_the_limit_go_into_the_overflow_series(backend: Backend) -> None:
    store, settings = backend.store, __import__("django.conf").conf.settings
    limited = {**settings.ARTISAN_MONITORING, "LIMITS": {"STORE_SERIES": 3 * store.shards}}
    with override_settings(ARTISAN_MONITORING=limited):
        store = backend.new_store()
        known = [counter(n=str(number)) for number in range(3)]
        commit(store, *(delta(each, added(1)) for each in known))
        more = [counter(n=str(number)) for number in range(3, 8)]
        commit(store, *(delta(each, added(10)) for each in (*known, *more)))
        commit(store, delta(more[0], added(100, 100)))
        overflow = Series("orders", "counter", "1", OVERFLOW)
        assert {each.id for each in store.series()} == {each.id for each in (*known, overflow)}
        assert sum_of(store, *known) == 33
        assert sum_of(store, overflow) == total(store, overflow).sum == 250
        assert store.losses() == {"store_series": 7}


def test_a_wiped_store_refuses_the_old_cursor_and_goes_on_with_the_new(backend: Backend) -> None:
    store, orders = backend.store, counter()
    commit(store, delta(orders, added(1)))
    old = store.cursor(0)
    version = store.dirty_hours()[HOUR_AGO]
    backend.wipe()
    with pytest.raises(CursorMoved):
        store.commit(Commit(0, old, old._replace(position=9), [delta(orders, added(1))]))
    assert store.cursor(0).epoch not in ("", old.epoch)
    assert store.series() == []
    commit(store, delta(orders, added(5)))
    assert total(store, orders).sum == 5
    assert store.dirty_hours()[HOUR_AGO] > version, "or a roll-up would take the new cells for older ones"
