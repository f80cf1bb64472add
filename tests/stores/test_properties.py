"""Properties: whatever the batches and however they are cut, a store holds exactly their sum."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.exceptions import CursorMoved
from artisan_monitoring.stores.base import Commit, Store, merge_deltas, shard_of

from .backends import Backend
from .build import HOUR_AGO, added, counter, distribution, observed, same, slots, total

SERIES = [counter(n="1"), counter(n="2"), distribution(route="/a"), distribution(route="/b")]

values = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6, allow_nan=False), st.floats(0, 1e-8))
points = st.tuples(
    st.sampled_from(SERIES),
    st.integers(0, 90),
    st.sampled_from([60, 600, 3600]),
    st.lists(values, min_size=1, max_size=5),
)
batches = st.lists(st.lists(points, min_size=1, max_size=8), min_size=1, max_size=6)


def make(point: tuple) -> Delta:
    series, minute, width, numbers = point
    start = floor(HOUR_AGO + 60 * minute, width)
    return Delta(series, start, width, added(*numbers) if series.kind == "counter" else observed(*numbers))


def apply_once_though_tried_twice(store: Store, shard: int, deltas: list[Delta]) -> None:
    cursor = store.cursor(shard)
    after = cursor._replace(position=cursor.position + 1)
    copies = [each._replace(cell=each.cell.copy()) for each in deltas]
    store.commit(Commit(shard, cursor, after, merge_deltas(deltas)))
    try:
        store.commit(Commit(shard, cursor, after, merge_deltas(copies)))
    except CursorMoved:
        return
    raise AssertionError("a commit was applied twice")


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=batches, pack_after=st.integers(0, 6))
def test_a_store_holds_exactly_the_sum_of_its_batches(backend: Backend, batches: list, pack_after: int) -> None:
    backend.wipe()
    store = backend.store
    for number, batch in enumerate(batches):
        for shard in range(store.shards):
            mine = [make(point) for point in batch if shard_of(point[0], store.shards) == shard]
            if mine:
                apply_once_though_tried_twice(store, shard, mine)
        if number == pack_after:
            store.pack_hour(HOUR_AGO, coarse=pack_after % 2 == 0)
    for series in SERIES:
        direct: dict[int, Cell] = {}
        whole = Cell()
        for point in (point for batch in batches for point in batch if point[0] == series):
            one = make(point)
            direct.setdefault(floor(one.start, HOUR), Cell()).merge(one.cell.copy())
            whole.merge(one.cell)
        stored: dict[int, Cell] = {}
        for (start, _), cell in slots(store, series, end=HOUR_AGO + 3 * HOUR).items():
            stored.setdefault(floor(start, HOUR), Cell()).merge(cell)
        assert stored.keys() == direct.keys()
        assert all(same(stored[hour], direct[hour]) for hour in direct)
        found = total(store, series)
        assert (found is None) == (whole.count == 0)
        assert found is None or same(found, whole)
