"""The cache checks, against local memory and a real Redis that fills up, stops, and stops without closing."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from artisan_monitoring.health.base import CheckError, Status
from artisan_monitoring.health.checks import caches as checks
from artisan_monitoring.health.checks.caches import CacheCheck, RedisCheck, measure_redis
from artisan_monitoring.health.prober import prober

LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "health"}
DUMMY = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}


def redis_cache(server, backend="django_redis.cache.RedisCache"):
    return {"BACKEND": backend, "LOCATION": server.url}


def ask(check, budget_s=10.0):
    return prober.collect([check], max_age_s=0.0, budget_s=budget_s)[0]


def test_a_value_comes_back(settings):
    settings.CACHES = {"default": LOCAL}
    result = ask(CacheCheck())
    assert result.status is Status.PASS
    assert result.measurements[0].unit == "ms"


def test_a_cache_that_keeps_nothing_is_not_asked(settings):
    settings.CACHES = {"default": DUMMY, "other": LOCAL}
    assert [check.component_id for check in checks.cache_checks()] == ["other"]
    assert ask(CacheCheck()).code == "lost"


def test_one_check_per_alias_and_one_per_redis(settings, redis_server):
    settings.CACHES = {"default": LOCAL, "sessions": redis_cache(redis_server)}
    assert [check.component_id for check in checks.cache_checks()] == ["default", "sessions"]
    assert [check.component_id for check in checks.redis_checks()] == ["sessions"]


@pytest.mark.parametrize("backend", ["django_redis.cache.RedisCache", "django.core.cache.backends.redis.RedisCache"])
def test_redis(settings, redis_server, backend):
    settings.CACHES = {"default": redis_cache(redis_server, backend)}
    assert ask(CacheCheck()).status is Status.PASS
    result = ask(RedisCheck())
    assert result.status is Status.PASS
    assert {each.name for each in result.measurements} == {"memory", "persistence"}
    with redis_server.client() as client:
        assert not list(client.scan_iter("*artisan-health*"))


def test_redis_near_its_limit_warns(settings, new_redis):
    server = new_redis(maxmemory="3mb")
    settings.CACHES = {"default": redis_cache(server)}
    with server.client() as client:
        for number in range(20):
            client.set(f"fill{number}", "x" * 100_000)
    result = ask(RedisCheck())
    (use,) = [each for each in result.measurements if each.name == "utilization"]
    assert use.value > 60
    assert result.status is (Status.WARN if use.value >= 85 else Status.PASS)
    assert ask(RedisCheck(name="strict", warn_percent=50.0)).status is Status.WARN


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_readiness_answers_in_time_while_redis_stands_still(settings, new_redis):
    server = new_redis()
    settings.CACHES = {"default": redis_cache(server)}
    settings.ARTISAN_MONITORING = {
        "HEALTH": {"READINESS": ["cache", "redis"], "CHECKS": {"cache": {"OPTIONS": {"critical": True}}}}
    }
    client = Client()
    assert client.get("/health/readiness").status_code == 200
    server.pause()
    try:
        time.sleep(1.1)
        for _ in range(3):
            started = time.monotonic()
            assert client.get("/health/readiness").status_code == 503
            assert time.monotonic() - started < 1.5
        assert client.get("/health/liveness").status_code == 200
    finally:
        server.resume()
    deadline = time.monotonic() + 15
    while client.get("/health/readiness").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_redis_that_is_gone_fails_without_its_address(settings, new_redis):
    server = new_redis()
    settings.CACHES = {"default": redis_cache(server)}
    server.stop()
    for check in (CacheCheck(), RedisCheck()):
        result = ask(check)
        assert result.status is Status.FAIL
        assert "127.0.0.1" not in result.output


def test_persistence_that_broke_warns():
    judged = list(measure_redis({"used_memory": 1}, {"rdb_last_bgsave_status": "err"}, 85.0))
    assert judged[-1].status is Status.WARN
    assert "rdb_last_bgsave_status" in judged[-1].output


def test_a_server_that_loads_its_data_is_not_there_yet():
    with pytest.raises(CheckError, match="loading"):
        list(measure_redis({}, {"loading": 1}, 85.0))


def test_the_stores_own_redis_is_looked_at(settings, redis_server):
    settings.CACHES = {"default": LOCAL}
    store = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": redis_server.url}}
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "HOUSEKEEPING": "off", "STORE": store}
    (check,) = checks.redis_checks()
    assert (check.component_id, ask(check).status) == ("monitoring store", Status.PASS)


def test_each_server_of_a_cluster_is_looked_at(settings, redis_cluster):
    settings.CACHES = {"default": LOCAL}
    store = {
        "BACKEND": "artisan_monitoring.stores.redis.RedisStore",
        "OPTIONS": {"url": redis_cluster.url.replace("redis://", "redis+cluster://").removesuffix("/0"), "shards": 3},
    }
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "HOUSEKEEPING": "off", "STORE": store}
    result = ask(checks.redis_checks()[0])
    assert result.status is Status.PASS
    assert [each.name for each in result.measurements].count("memory") == 3
