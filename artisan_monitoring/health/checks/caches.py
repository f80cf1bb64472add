"""Checks of the caches: a value comes back from each alias, and the Redis servers can persist and have room."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

from django.conf import settings
from django.core.cache import caches

from ...conf import active, get_settings
from ...core.traceparent import new_span_id
from ...stores import get_store
from ..base import Check, CheckError, Measurement, Status

_DUMMY = "django.core.cache.backends.dummy.DummyCache"
_REDIS_STORE = "artisan_monitoring.stores.redis.RedisStore"
STORE = "monitoring store"
_REDIS_CACHES = ("django_redis.cache.RedisCache", "django.core.cache.backends.redis.RedisCache")


class InfoClient(Protocol):
    """What is needed of a Redis client here."""

    def info(self, section: str, **options: object) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class CacheCheck(Check):
    """Write a value under a key of its own, read it back, delete it."""

    component_type: ClassVar[str] = "datastore"

    name: str = "cache"
    component_id: str = "default"
    critical: bool = False  # a site that needs its cache to answer at all is rare, and can say so
    shared: bool = True

    def run(self) -> Sequence[Measurement]:
        """Return the time of the round trip in ms."""
        started = time.perf_counter()
        # The connection of this alias in this thread, which is ours alone and ends with the probe.
        cache = caches[self.component_id]
        # A fixed key would race with the probes of other processes.
        key = value = f"artisan-health-{new_span_id()}"
        try:
            cache.set(key, value, timeout=10)
            back = cache.get(key)
            cache.delete(key)
        finally:
            cache.close()
        if back != value:
            raise CheckError("a value that was set did not come back", "lost")
        return [Measurement("responseTime", round((time.perf_counter() - started) * 1000, 2), "ms")]


@dataclass(frozen=True, kw_only=True)
class RedisCheck(Check):
    """Ask a cache's Redis server how its memory and its persistence are.

    A refused write is seen by the cache check; this one sees it coming.
    """

    component_type: ClassVar[str] = "datastore"
    measures: ClassVar[str] = "persistence"

    name: str = "redis"
    component_id: str = "default"
    critical: bool = False
    shared: bool = True
    warn_percent: float = 85.0  # with `noeviction` the next 15 % are hours or minutes: time to act, no time to sleep

    def run(self) -> Sequence[Measurement]:
        """Return memory in bytes, its share of `maxmemory` in percent when there is one, and persistence."""
        client = redis_client(self.component_id)
        memory, persistence = per_server(client, "memory"), per_server(client, "persistence")
        return [
            measurement
            for server, figures in memory.items()
            for measurement in measure_redis(figures, persistence.get(server, {}), self.warn_percent)
        ]


def per_server(client: InfoClient, section: str) -> Mapping[str, Mapping[str, Any]]:
    """Return a section of INFO by server: one of a single Redis, each primary of a cluster."""
    primaries = getattr(client, "PRIMARIES", None)
    if primaries is None:
        return {"": client.info(section)}
    told = client.info(section, target_nodes=primaries)
    # redis-py leaves the names out where there is but one server.
    return told if all(isinstance(figures, Mapping) for figures in told.values()) else {"": told}


def measure_redis(
    memory: Mapping[str, Any], persistence: Mapping[str, Any], warn_percent: float
) -> Iterator[Measurement]:
    """Judge the sections `memory` and `persistence` of INFO. Raise CheckError while the server loads its data."""
    if persistence.get("loading"):
        raise CheckError("the server is loading its data", "loading")
    used, limit = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    yield Measurement("memory", used, "bytes")
    if limit:
        percent = round(100 * used / limit, 1)
        full = percent >= warn_percent
        output = f"of maxmemory; policy {memory.get('maxmemory_policy', 'unknown')}" if full else ""
        yield Measurement("utilization", percent, "percent", Status.WARN if full else Status.PASS, output)
    broken = [
        what
        for what in ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
        if persistence.get(what, "ok") != "ok"
    ]
    status = Status.WARN if broken else Status.PASS
    kind = "aof" if persistence.get("aof_enabled") else "rdb"
    yield Measurement("persistence", kind, "", status, f"not ok: {', '.join(broken)}" if broken else "")


def redis_client(component: str) -> InfoClient:
    """Return the Redis client behind a cache alias, of django-redis or of Django, or the store's (STORE)."""
    if component == STORE:
        return cast("InfoClient", cast("Any", get_store()).client.client())
    if settings.CACHES[component]["BACKEND"] == _REDIS_CACHES[0]:
        from django_redis import get_redis_connection

        return cast("InfoClient", get_redis_connection(component))
    return cast("InfoClient", cast("Any", caches[component])._cache.get_client())


def cache_checks() -> list[Check]:
    """Return one check per alias that keeps anything."""
    return [
        CacheCheck(component_id=alias) for alias, options in settings.CACHES.items() if options["BACKEND"] != _DUMMY
    ]


def redis_checks() -> list[Check]:
    """Return one check per alias whose cache is a Redis server, and one of the store's that no alias leads to."""
    components = [alias for alias, options in settings.CACHES.items() if options["BACKEND"] in _REDIS_CACHES]
    chosen = get_settings().STORE
    if active() and chosen.BACKEND == _REDIS_STORE and "url" in chosen.OPTIONS:
        components.append(STORE)
    return [RedisCheck(component_id=component) for component in components]
