"""Notes in Redis: what has expired goes, and a thousand processes do not look through each other's notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from artisan_monitoring.stores.redis import RedisStore
from tests.services import RedisServer


@pytest.fixture
def server(new_redis: Callable[..., RedisServer]) -> RedisServer:
    return new_redis()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    store = RedisStore(url=server.url)
    yield store
    store.close()


def held(store: RedisStore) -> int:
    return int(store.client.call("HLEN", store._of(0).notes("process")))


def looked_through(server: RedisServer) -> int:
    """How often a script has read a whole hash."""
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_hgetall", {}).get("calls", 0))


def test_processes_that_report_again_look_through_nothing(server: RedisServer, store: RedisStore) -> None:
    for number in range(640):
        store.set_note("process", f"web-{number}", {}, 60)
    before = looked_through(server)
    for number in range(640):
        store.set_note("process", f"web-{number}", {"flushes": 2}, 60)
    assert looked_through(server) == before
    assert len(store.notes("process")) == 640


def test_notes_that_nobody_reads_do_not_collect(store: RedisStore) -> None:
    store.set_note("process", "keeps the key", {}, 60)
    for number in range(300):
        store.set_note("process", f"gone-{number}", {}, 0.05)
    time.sleep(0.1)
    for number in range(64):
        store.set_note("process", f"web-{number}", {}, 60)
    assert held(store) <= 1 + 64 + 64
