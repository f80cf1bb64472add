"""The contract of summaries: whatever is committed, packed or refused, they hold what the cells of all series hold."""

from __future__ import annotations

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.series import OVERFLOW
from artisan_monitoring.core.summary import Summary
from artisan_monitoring.core.windows import DAY, HOUR
from artisan_monitoring.exceptions import CursorMoved
from artisan_monitoring.stores.base import Store, shard_of
from artisan_monitoring.stores.summaries import summary_id
from artisan_monitoring.testing import override_monitoring

from .backends import Backend
from .build import HOUR_AGO, added, commit, counter, delta, distribution, observed, same

REQUESTS = "http.server.request.duration"
ROUTES = [distribution(REQUESTS, **{"http.route": f"/{number}/"}) for number in range(7)]


def requests(number: int, *seconds: float, minute: int = 0, width: int = 60):
    return delta(ROUTES[number], observed(*seconds), minute, width)


def put(store: Store, *deltas) -> None:
    """Commit each delta to its shard."""
    for shard in range(store.shards):
        mine = [each for each in deltas if shard_of(each.series, store.shards) == shard]
        if mine:
            commit(store, *mine, shard=shard)


def summaries(store: Store, start: int = HOUR_AGO, end: int = HOUR_AGO + HOUR) -> dict[tuple[int, int], Summary]:
    """Return the summaries by slot, the parts of shards merged."""
    found: dict[tuple[int, int], Summary] = {}
    for at, width, summary in store.summaries(REQUESTS, start, end):
        found.setdefault((at, width), Summary()).merge(summary)
    return found


def check(store: Store) -> dict[tuple[int, int], Summary]:
    """Compare summaries with the cells of all series, slot by slot; return the summaries."""
    series = store.series(REQUESTS)
    cells: dict[tuple[int, int], Cell] = {}
    columns: dict[tuple[int, int], dict[int, tuple[int, float]]] = {}
    for bucket in store.buckets([each.id for each in series], HOUR_AGO, HOUR_AGO + HOUR):
        slot, number = (bucket.start, bucket.width), int(bucket.series_id, 16)
        bucket.cell.classic = bucket.cell.exemplars = None
        cells.setdefault(slot, Cell()).merge(bucket.cell)
        count, sum_ = columns.setdefault(slot, {}).get(number, (0, 0.0))
        columns[slot][number] = count + bucket.cell.count, round(sum_ + bucket.cell.sum, 9)
    found = summaries(store)
    assert found.keys() == cells.keys()
    for slot, summary in found.items():
        summary.cell.classic = None
        assert same(summary.cell, cells[slot])
        rows = zip(summary.ids, summary.counts, summary.sums, strict=True)
        assert {number: (count, round(sum_, 9)) for number, count, sum_ in rows if count} == columns[slot]
        assert list(summary.ids) == sorted(set(summary.ids))
    return found


def test_a_slot_has_one_cell_and_columns_over_all_series(store: Store) -> None:
    put(store, *(requests(number, 0.1, 0.2 * number) for number in range(7)))
    put(store, requests(0, 5.0), requests(1, 0.3, minute=1))
    found = check(store)
    assert {slot: summary.cell.count for slot, summary in found.items()} == {(HOUR_AGO, 60): 15, (HOUR_AGO + 60, 60): 1}
    assert summaries(store, HOUR_AGO + 60).keys() == {(HOUR_AGO + 60, 60)}
    assert summaries(store, HOUR_AGO - DAY, HOUR_AGO) == {}
    assert list(store.summaries("no.such.metric", HOUR_AGO, HOUR_AGO + HOUR)) == []


def test_other_metrics_and_kinds_have_none(store: Store) -> None:
    commit(store, delta(distribution(), observed(1)), delta(counter(REQUESTS), added(1)))
    assert summaries(store) == {}


def test_no_series_is_found_by_the_id_of_a_summary(store: Store) -> None:
    put(store, requests(0, 0.1))
    assert [each.id for each in store.series()] == [ROUTES[0].id]
    assert len(summary_id(REQUESTS)) == len(ROUTES[0].id)
    assert summary_id(REQUESTS) != summary_id("another")


def test_a_commit_that_comes_too_late_adds_nothing(store: Store) -> None:
    shard = shard_of(ROUTES[0], store.shards)
    done = commit(store, requests(0, 0.1), shard=shard)
    try:
        store.commit(done)
    except CursorMoved:
        assert check(store)[HOUR_AGO, 60].cell.count == 1
        return
    raise AssertionError("a commit was applied twice")


def test_packing_keeps_all_of_it_and_takes_late_ones_in(store: Store) -> None:
    for minute in range(0, 60, 7):
        put(store, *(requests(number, 0.01 * minute, 1.0, minute=minute) for number in range(minute % 7 + 1)))
    before = {slot: summary.cell.count for slot, summary in check(store).items()}
    taken = store.pack_hour(HOUR_AGO, coarse=False)
    assert taken == len(list(store.buckets([each.id for each in ROUTES], HOUR_AGO, HOUR_AGO + HOUR)))
    assert {slot: summary.cell.count for slot, summary in check(store).items()} == before
    assert store.pack_hour(HOUR_AGO, coarse=False) == 0
    put(store, requests(6, 9.0, minute=7), requests(6, 9.0, minute=8))
    check(store)
    store.pack_hour(HOUR_AGO, coarse=False)
    assert check(store)[HOUR_AGO + 420, 60].cell.count == before[HOUR_AGO + 420, 60] + 1
    store.pack_hour(HOUR_AGO)
    found = check(store)
    assert {width for _, width in found} == {600}
    assert sum(summary.cell.count for summary in found.values()) == sum(before.values()) + 2
    assert {summary.cell.schema for summary in found.values()} == {4}


def test_what_overflows_a_store_is_summed_under_the_overflow_series(backend: Backend) -> None:
    store = backend.store
    with override_monitoring(LIMITS={"STORE_SERIES": 2 * store.shards}):
        put(store, *(requests(number, 0.1) for number in range(7)))
    found = check(store)[HOUR_AGO, 60]
    assert found.cell.count == 7
    overflow = {int(each.id, 16) for each in store.series(REQUESTS) if each.tags == OVERFLOW}
    assert overflow <= set(found.ids)


def test_a_sum_that_fits_no_cell_is_not_in_the_summary_either(store: Store) -> None:
    shard = shard_of(ROUTES[0], store.shards)
    commit(store, requests(0, 0.1), shard=shard)
    giant = observed(0.1)
    giant.count = 2**63 - 1
    commit(store, delta(ROUTES[0], giant), shard=shard)
    assert check(store)[HOUR_AGO, 60].cell.count == 1
    assert store.losses()["unstorable"] > 0


def test_an_hour_that_is_past_its_time_has_none(store: Store) -> None:
    put(store, requests(0, 0.1), requests(1, 0.1, minute=5))
    store.expire(HOUR_AGO + 60, 0)
    left = summaries(store)
    assert (HOUR_AGO + 300, 60) in left
