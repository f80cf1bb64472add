"""Faults of a Redis: each passing one is told as such, and nothing is half done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from redis import exceptions as redis_errors

from artisan_monitoring.exceptions import InboxFull, StoreRefused, StoreUnavailable
from artisan_monitoring.stores.base import JobRun
from artisan_monitoring.stores.redis import RedisStore
from artisan_monitoring.stores.redis.client import translated
from tests.services import RedisServer
from tests.stores.build import added, commit, counter, delta, total

LIMIT = 64 * 1024 * 1024
ORDERS = counter()


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    with redis_server.client() as client:
        client.flushall()
    yield redis_server
    redis_server.resume()
    redis_server.start()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    made = RedisStore(url=server.url, connect_timeout=0.3, read_timeout=0.3)
    yield made
    made.close()


def append(store: RedisStore, sequence: int, payload: bytes = b"x") -> bool:
    return store.append(0, "web", sequence, payload, limit_bytes=LIMIT).duplicate


def test_scripts_are_sent_again_when_the_server_forgot_them(store: RedisStore, server: RedisServer) -> None:
    append(store, 1)
    with server.client() as client:
        client.script_flush()
    assert not append(store, 2)


def test_a_server_that_is_gone_and_comes_back(store: RedisStore, server: RedisServer) -> None:
    append(store, 1)
    server.kill()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            append(store, 2)
    server.start()
    assert not append(store, 2)


def test_a_server_that_hangs_is_given_up_in_time(store: RedisStore, server: RedisServer) -> None:
    append(store, 1)
    server.pause()
    before = time.monotonic()
    with pytest.raises(StoreUnavailable):
        append(store, 2)
    assert time.monotonic() - before < 5, "0.3 s, and no retries"
    server.resume()
    # The request was in the server's socket all the while: it may have been done by now.
    append(store, 2)
    assert len(store.entries(0, 0, limit_bytes=LIMIT)) == 2


def test_nobody_listens() -> None:
    store = RedisStore(url="redis://127.0.0.1:1/0")
    for call in (store.now, store.losses, store.job_records, lambda: store.cursor(0)):
        with pytest.raises(StoreUnavailable):
            call()
    store.close()


def test_a_full_server_takes_no_batch_and_can_be_drained(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(maxmemory="3mb", maxmemory_policy="noeviction")
    store = RedisStore(url=server.url)
    sequence = 0
    with pytest.raises(StoreUnavailable, match="OOM"):
        for sequence in range(1, 200):
            append(store, sequence, os.urandom(50_000))
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
    with pytest.raises(StoreUnavailable, match="OOM"):
        append(store, sequence)
    entries = store.entries(0, 0, limit_bytes=LIMIT)
    assert [entry.sequence for entry in entries] == list(range(1, sequence))
    assert store.acquire_lease("drain", "web", 10) is not None
    commit(store, delta(ORDERS, added(1)))
    assert store.trim(0, entries[-1].position, store.cursor(0).epoch) == len(entries)
    store.record_job(JobRun("drain", "process", 1.0, 1.0))
    with server.client() as client:
        client.config_set("maxmemory", "3mb")
    assert not append(store, sequence), "room again"
    assert total(store, ORDERS).sum == 1
    assert store.inbox_stats(0).bytes == 1
    store.close()


def test_a_replica_takes_nothing(new_redis: Callable[..., RedisServer]) -> None:
    main, replica = new_redis(), new_redis()
    store = RedisStore(url=replica.url)
    append(store, 1)
    with replica.client() as client:
        client.replicaof("127.0.0.1", main.port)
        with pytest.raises(StoreUnavailable, match="READONLY"):
            append(store, 2)
    store.close()


def test_with_an_append_only_file_a_crash_loses_nothing(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(appendonly="yes", appendfsync="always")
    store = RedisStore(url=server.url)
    append(store, 1)
    commit(store, delta(ORDERS, added(5)))
    epoch = store.cursor(0).epoch
    server.kill()
    server.start()
    assert store.cursor(0).epoch == epoch
    assert append(store, 1)
    assert total(store, ORDERS).sum == 5
    store.close()


def test_without_one_a_crash_makes_a_new_epoch(store: RedisStore, server: RedisServer) -> None:
    append(store, 1)
    epoch = store.cursor(0).epoch
    server.kill()
    server.start()
    assert store.cursor(0).epoch != epoch
    assert store.inbox_stats(0).entries == 0


def test_a_restored_snapshot_uses_no_position_twice(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(save="3600 1")
    store = RedisStore(url=server.url)
    append(store, 1)
    with server.client() as client:
        client.save()
    append(store, 2)
    lost = store.entries(0, 0, limit_bytes=LIMIT)[-1].position
    server.kill()
    server.start()
    assert [entry.sequence for entry in store.entries(0, 0, limit_bytes=LIMIT)] == [1]
    append(store, 3)
    assert store.entries(0, 0, limit_bytes=LIMIT)[-1].position > lost
    store.close()


@pytest.mark.parametrize("evicted", ["state", "processes"])
def test_an_evicted_half_of_the_guard_is_a_new_epoch_and_takes_the_inbox_along(
    store: RedisStore, server: RedisServer, evicted: str
) -> None:
    append(store, 1, b"drained or not, nobody knows")
    epoch = store.cursor(0).epoch
    with server.client() as client:
        client.delete(f"artisan:{{0}}:{evicted}")
    answer = store.append(0, "web", 2, b"y", limit_bytes=LIMIT)
    assert answer.epoch != epoch
    assert answer.waiting_bytes == 1
    assert [entry.sequence for entry in store.entries(0, 0, limit_bytes=LIMIT)] == [2]


def test_losses_survive_an_evicted_guard(store: RedisStore, server: RedisServer) -> None:
    append(store, 1)
    store.add_losses({"gap": 3})
    with server.client() as client:
        client.delete("artisan:{0}:processes")
    append(store, 2)
    assert store.losses() == {"gap": 3}


def test_an_evicted_inbox_frees_its_bytes(store: RedisStore, server: RedisServer) -> None:
    store.append(0, "web", 1, b"x" * 900, limit_bytes=1000)
    with server.client() as client:
        client.delete("artisan:{0}:inbox")
    assert store.inbox_stats(0).bytes == 0
    assert store.append(0, "web", 2, b"x" * 900, limit_bytes=1000).waiting_bytes == 900
    with pytest.raises(InboxFull):
        store.append(0, "web", 3, b"x" * 900, limit_bytes=1000)


def test_an_evicted_registry_is_written_again(store: RedisStore, server: RedisServer) -> None:
    commit(store, delta(ORDERS, added(1)))
    with server.client() as client:
        client.delete("artisan:{0}:series", "artisan:{0}:named:orders")
    commit(store, delta(ORDERS, added(2)))
    assert store.series("orders") == [ORDERS]
    assert total(store, ORDERS).sum == 3


def test_a_cell_that_cannot_be_read_starts_anew_and_is_counted(store: RedisStore, server: RedisServer) -> None:
    commit(store, delta(ORDERS, added(1)))
    with server.client() as client:
        client.hset("artisan:{0}:totals", ORDERS.id, b"12345678 not a cell")
    assert store.totals() == []
    commit(store, delta(ORDERS, added(2)))
    assert total(store, ORDERS).sum == 2
    assert store.losses() == {"unreadable_cell": 1}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (redis_errors.ConnectionError("reset"), StoreUnavailable),
        (redis_errors.TimeoutError("slow"), StoreUnavailable),
        (redis_errors.BusyLoadingError("LOADING"), StoreUnavailable),
        (redis_errors.ReadOnlyError("READONLY"), StoreUnavailable),
        (redis_errors.OutOfMemoryError("OOM"), StoreUnavailable),
        (redis_errors.MovedError("1 127.0.0.1:1"), StoreUnavailable),
        (redis_errors.TryAgainError("TRYAGAIN"), StoreUnavailable),
        (redis_errors.ClusterDownError("CLUSTERDOWN"), StoreUnavailable),
        (redis_errors.AuthenticationError("WRONGPASS"), StoreUnavailable),
        (redis_errors.NoPermissionError("NOPERM"), StoreUnavailable),
        (redis_errors.ResponseError("MISCONF"), StoreUnavailable),
        (ConnectionRefusedError(), StoreUnavailable),
        (redis_errors.DataError("no bytes"), StoreRefused),
        (redis_errors.ResponseError("string exceeds maximum allowed size (512MB)"), StoreRefused),
    ],
)
def test_every_fault_is_told_as_the_stores(error: Exception, told: type[Exception]) -> None:
    with pytest.raises(told), translated():
        raise error


def test_a_password_that_is_wrong_is_a_passing_fault_and_is_not_told(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis()
    with server.client() as client:
        client.config_set("requirepass", "right-one-7391")
    store = RedisStore(url=server.url.replace("redis://", "redis://:wrong-one-7391@"))
    with pytest.raises(StoreUnavailable) as caught:
        store.now()
    assert "7391" not in str(caught.value)
    assert "7391" not in repr(store.client.address)
    good = RedisStore(url=server.url.replace("redis://", "redis://:right-one-7391@"))
    assert good.now() > 0
    good.close()
    store.close()


def test_a_forked_child_makes_a_connection_of_its_own(server: RedisServer) -> None:
    code = """
import os, sys
from artisan_monitoring.stores.base import JobRun
from artisan_monitoring.stores.redis import RedisStore
store = RedisStore(url=sys.argv[1])
store.append(0, "parent", 1, b"x", limit_bytes=1000)
children = []
for number in range(3):
    child = os.fork()
    if not child:
        for sequence in range(1, 50):
            store.append(0, f"child-{number}", sequence, b"y", limit_bytes=10**6)
        os._exit(0)
    children.append(child)
for sequence in range(2, 50):
    store.append(0, "parent", sequence, b"x", limit_bytes=10**6)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
assert len(store.entries(0, 0, limit_bytes=10**9)) == 49 * 4
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONWARNINGS": "error"}
    ran = subprocess.run(
        [sys.executable, "-c", code, server.url], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_the_client_library_does_not_retry_on_its_own(store: RedisStore) -> None:
    client = store.client.client()
    assert isinstance(client, redis.Redis)
    options = client.connection_pool.connection_kwargs
    assert options["retry"].get_retries() == 0
    assert (options["socket_connect_timeout"], options["socket_timeout"]) == (0.3, 0.3)
