"""Old hours share a key: packing two of them at once loses neither, and a week of a busy distribution stays small."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from artisan_monitoring.core.archive import pack_cells
from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.windows import DAY, HOUR, floor
from artisan_monitoring.stores.redis import RedisStore
from artisan_monitoring.stores.redis.client import RedisClient
from artisan_monitoring.stores.redis.keys import BLOCK
from tests.services import RedisServer
from tests.stores.build import NOW, added, commit, counter, distribution, slots

THEN = floor(NOW, BLOCK) - 2 * DAY
"""The start of a block."""


@pytest.fixture
def server(new_redis: Callable[..., RedisServer]) -> RedisServer:
    return new_redis()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    store = RedisStore(url=server.url)
    yield store
    store.close()


def held(store: RedisStore) -> dict[int, float]:
    """What each hour of the block holds."""
    found: dict[int, float] = {}
    for (start, _), cell in slots(store, counter(), start=THEN, end=THEN + BLOCK).items():
        found[(start - THEN) // HOUR] = found.get((start - THEN) // HOUR, 0) + cell.sum
    return found


def test_hours_packed_one_after_the_other_share_a_key(server: RedisServer, store: RedisStore) -> None:
    for hour in range(6):
        commit(store, Delta(counter(), THEN + hour * HOUR + 60, 60, added(hour + 1)))
        store.pack_hour(THEN + hour * HOUR, coarse=False)
        store.pack_hour(THEN + hour * HOUR)
    assert held(store) == {hour: hour + 1 for hour in range(6)}
    with server.client() as client:
        names = [name.decode() for name in client.keys("*") if b":cells:" in name or b":block:" in name]
        assert names == [store._of(0).block(counter().id, THEN + 5 * HOUR)]
        assert 5 * DAY < client.ttl(names[0]) < 6 * DAY


def test_two_hours_of_a_block_packed_at_once(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between another's reading of the block and its writing, this one puts its hour in."""
    for hour in (0, 1, 2):
        commit(store, Delta(counter(), THEN + hour * HOUR, 60, added(hour + 1)))
    store.pack_hour(THEN)
    really_run = RedisClient.run
    tries: list[str] = []

    def run(self: RedisClient, name: str, *args: Any) -> Any:
        if name == "pack_cells":
            tries.append(name)
            if len(tries) == 1:
                store.pack_hour(THEN + 2 * HOUR)
        return really_run(self, name, *args)

    monkeypatch.setattr(RedisClient, "run", run)
    assert store.pack_hour(THEN + HOUR) == 1
    assert len(tries) == 3, "the first was refused, and tried again"
    assert held(store) == {0: 1, 1: 2, 2: 3}


def test_a_late_cell_joins_its_block(store: RedisStore) -> None:
    for hour in (0, 1):
        commit(store, Delta(counter(), THEN + hour * HOUR, 60, added(1)))
        store.pack_hour(THEN + hour * HOUR)
    commit(store, Delta(counter(), THEN, 3600, added(10)))
    assert held(store) == {0: 11, 1: 1}
    store.pack_hour(THEN)
    assert held(store) == {0: 11, 1: 1}


@pytest.mark.parametrize(("a_minute", "at_most_kb"), [(600, 300), (6000, 700)])
def test_a_week_of_a_busy_distribution(server: RedisServer, store: RedisStore, a_minute: int, at_most_kb: int) -> None:
    """Minutes for a day, ten minutes before: what the server says it uses, keys and their expiry included.

    A third of the week is written, eight hours of the day and two of the six others: blocks are alike.
    """
    many = [distribution(n=str(number)) for number in range(4)]
    kinds = [_hour(seed, a_minute) for seed in range(7)]
    newest = floor(NOW, HOUR) - HOUR
    commit(store, Delta(counter(), newest - DAY, 60, added(1)))
    store.pack_hour(newest - DAY)  # what scripts and connections take is there
    used = [_used(server)]
    oldest = floor(newest - 7 * DAY, BLOCK) + DAY
    hours = [oldest + n * HOUR for n in range(48)] + [newest - n * HOUR for n in range(8)]
    for number, hour in enumerate(hours):
        packed = pack_cells([(hour + 60 * at, 60, cell) for at, cell in enumerate(kinds[number % 7])])
        for series in many:
            name = store._of(0).cells(series.id, hour)
            store.client.pipeline([
                ("HSET", name, "fine", packed), ("EXPIREAT", name, hour + 8 * DAY),
                ("SADD", store._of(0).hour(hour), series.id),
            ])  # fmt: skip
        if number < 48:
            assert store.pack_hour(hour) > 0
    # Which series have cells in an hour is one key for all of a store's; here it would be shared by four.
    store.client.pipeline([("DEL", store._of(0).hour(hour)) for hour in hours])
    used.append(_used(server))
    assert 3 * (used[1] - used[0]) / len(many) < at_most_kb * 1000
    assert sum(cell.count for cell in slots(store, many[0], start=oldest, end=NOW).values()) == 56 * 60 * a_minute


def _used(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.info("memory")["used_memory"])


def _hour(seed: int, a_minute: int) -> list[Cell]:
    """Sixty minutes of about 100 bins."""
    chance = random.Random(seed)
    minutes = []
    for _ in range(60):
        cell = Cell()
        for _ in range(a_minute):
            cell.observe(chance.lognormvariate(-3, 0.5 if a_minute < 1000 else 0.4), SECONDS_BOUNDS)
        minutes.append(cell)
    assert 85 < sum(len(cell.bins or ()) for cell in minutes) / 60 < 130
    return minutes
