"""System checks of the RedisStore, asked of real servers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.test import override_settings

from artisan_monitoring.stores.redis import RedisStore
from artisan_monitoring.stores.redis.checks import _check_server
from tests.services import RedisCluster, RedisServer


def found(store: RedisStore) -> set[str]:
    messages = list(store.check())
    store.close()
    assert all(message.hint for message in messages)
    return {message.id.removeprefix("artisan_monitoring.") for message in messages}


def test_a_server_that_keeps_what_it_acknowledged_is_fine(new_redis: Callable[..., RedisServer]) -> None:
    assert found(RedisStore(url=new_redis(appendonly="yes").url)) == set()


def test_a_server_that_forgets_and_evicts(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(maxmemory="10mb", maxmemory_policy="allkeys-lru")
    assert found(RedisStore(url=server.url)) == {"W103", "W104"}


def test_a_cluster_is_asked_too(redis_cluster: RedisCluster) -> None:
    nodes = ",".join(f"127.0.0.1:{node.port}" for node in redis_cluster.nodes)
    assert found(RedisStore(url=f"redis+cluster://{nodes}")) == {"W104"}


@pytest.mark.parametrize("how", ["alias", "url"])
def test_the_default_cache_in_the_same_database(redis_server: RedisServer, how: str) -> None:
    caches = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_server.url}}
    with override_settings(CACHES=caches):
        store = RedisStore(alias="default") if how == "alias" else RedisStore(url=redis_server.url)
        assert "W102" in found(store)
        assert "W102" not in found(RedisStore(url=redis_server.url.replace("/0", "/1")))


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("redis://192.0.2.1/0", True),
        ("redis+cluster://127.0.0.1:1,192.0.2.1:1", True),
        ("rediss://192.0.2.1/0", False),
        ("redis://:pw@192.0.2.1/0", False),
        ("redis://localhost:1/0", False),
        ("redis://[::1]:1/0", False),
        ("unix:///nowhere/redis.sock", False),
    ],
)
def test_another_machine_without_tls_or_password_and_a_server_that_is_away(url: str, warned: bool) -> None:
    before = time.monotonic()
    assert found(RedisStore(url=url)) == ({"W105"} if warned else set())
    assert time.monotonic() - before < 5, "half a second for connecting, and no retries"


def test_a_server_that_hangs_does_not_hold_the_checks_up(redis_server: RedisServer) -> None:
    redis_server.pause()
    try:
        assert found(RedisStore(url=redis_server.url)) == set()
    finally:
        redis_server.resume()


def test_a_server_that_is_too_old() -> None:
    (message,) = _check_server({"redis_version": "6.0.16"})
    assert message.id == "artisan_monitoring.E103"
    assert list(_check_server({"redis_version": "7.2.4"})) == []
