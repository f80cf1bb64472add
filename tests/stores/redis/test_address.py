"""Addresses: every way in which a project names its Redis."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from artisan_monitoring.stores.redis import RedisStore
from artisan_monitoring.stores.redis.address import from_alias, from_url
from tests.services import RedisServer


def alias(**cache: Any) -> Any:
    with override_settings(CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", **cache}}):
        return from_alias("default")


@pytest.mark.parametrize("url", ["redis://host:6380/2", "rediss://:pw@host", "unix:///run/redis.sock?db=3"])
def test_plain_urls_are_left_as_they_are(url: str) -> None:
    address = from_url(url)
    assert (address.kind, address.url) == ("single", url)


def test_a_sentinel_url() -> None:
    address = from_url("redis+sentinel://user:p%40ss@a,b:26380/mymaster/2")
    assert (address.kind, address.service) == ("sentinel", "mymaster")
    assert address.hosts == (("a", 26379), ("b", 26380))
    assert address.options == {"username": "user", "password": "p@ss", "db": 2}


def test_a_cluster_url() -> None:
    address = from_url("rediss+cluster://:pw@a:7000,b,[::1]:7002")
    assert address.kind == "cluster"
    assert address.hosts == (("a", 7000), ("b", 6379), ("::1", 7002))
    assert address.options == {"password": "pw", "ssl": True}


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://x", "redis+nothing://x", "redis+sentinel://a", "redis+cluster://"]
)
def test_what_is_no_redis_is_told(url: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        from_url(url)


def test_an_alias_of_django_redis() -> None:
    address = alias(
        LOCATION="redis://host:6379/1",
        OPTIONS={"PASSWORD": "pw", "CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": None, "max_connections": 5, "retry": 1}},
    )
    assert (address.kind, address.url) == ("single", "redis://host:6379/1")
    assert address.options == {"password": "pw", "ssl_cert_reqs": None}


@pytest.mark.parametrize("location", [["redis://first/1", "redis://second/1"], "redis://first/1,redis://second/1"])
def test_the_first_location_is_the_one_that_takes_writes(location: object) -> None:
    assert alias(LOCATION=location).url == "redis://first/1"


def test_an_alias_of_djangos_own_backend() -> None:
    address = alias(
        BACKEND="django.core.cache.backends.redis.RedisCache",
        LOCATION="redis://host",
        OPTIONS={"db": 4, "username": "u"},
    )
    assert address.options == {"db": 4, "username": "u"}


def test_an_alias_behind_sentinels() -> None:
    address = alias(
        LOCATION="rediss://:pw@mymaster/3",
        OPTIONS={"SENTINELS": [("a", 26379), ("b", "26380")], "SENTINEL_KWARGS": {"password": "other"}},
    )
    assert (address.kind, address.service) == ("sentinel", "mymaster")
    assert address.hosts == (("a", 26379), ("b", 26380))
    assert address.options == {"db": 3, "password": "pw", "ssl": True}
    assert address.sentinel_options == {"password": "other"}


def test_an_alias_that_is_no_redis() -> None:
    with pytest.raises(ImproperlyConfigured, match="LocMemCache"):
        alias(BACKEND="django.core.cache.backends.locmem.LocMemCache", LOCATION="x")


def test_secrets_are_in_no_repr() -> None:
    assert "geheim" not in repr(from_url("redis://:geheim@host"))
    assert "geheim" not in repr(from_url("redis+cluster://:geheim@host"))


def test_a_store_on_an_alias_uses_a_client_of_its_own(redis_server: RedisServer) -> None:
    caches = {
        "monitoring": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_server.url.replace("/0", "/7")}
    }
    with override_settings(CACHES=caches):
        store = RedisStore(alias="monitoring")
        store.set_note("kind", "name", {}, 60)
        with redis_server.client(db=7) as client:
            assert client.exists("artisan:{0}:notes:kind")
        store.close()


@pytest.fixture
def sentinel_port(new_redis: Callable[..., RedisServer], redis_server: RedisServer) -> Iterator[int]:
    """A real sentinel that watches a Redis."""
    from tests.services.process import free_port

    port = free_port()
    folder = new_redis().directory / "sentinel"
    folder.mkdir()
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {redis_server.port} 1\n"
    )
    process = subprocess.Popen(
        [redis_server.binary, str(configuration), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield port
    process.terminate()
    process.wait(10)


def test_a_store_behind_a_sentinel(sentinel_port: int, redis_server: RedisServer) -> None:
    import time

    from artisan_monitoring.exceptions import StoreUnavailable

    store = RedisStore(url=f"redis+sentinel://127.0.0.1:{sentinel_port}/mymaster/5")
    deadline = time.monotonic() + 10
    while True:
        try:
            store.set_note("kind", "name", {}, 60)
            break
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with redis_server.client(db=5) as client:
        assert client.exists("artisan:{0}:notes:kind")
    store.close()
