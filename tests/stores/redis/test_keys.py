"""What lies in Redis: names, lives, shards, and the commands it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from redis.crc import key_slot

from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.stores.base import JobRun, Producer, shard_of
from artisan_monitoring.stores.redis import RedisStore
from tests.services import RedisServer
from tests.stores.build import HOUR_AGO, added, commit, counter, delta, gauge, observed, slots, total


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    with redis_server.client() as client:
        client.flushall()
        client.config_resetstat()
    return redis_server


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    made = RedisStore(url=server.url, shards=3)
    yield made
    made.close()


def use_everything(store: RedisStore) -> None:
    for shard in range(store.shards):
        store.append(shard, "web", 1, b"x", limit_bytes=1000)
        queue = gauge(shard=str(shard))
        commit(
            store,
            delta(counter(), added(1)),
            delta(queue, added(1)),
            shard=shard,
            gauges=((queue, "web", 1.0, store.now()),),
            producers=(Producer("web", 1, 2),),
            losses={"gap": 1},
        )
        store.trim(shard, store.entries(shard, 0, limit_bytes=1000)[-1].position, store.cursor(shard).epoch)
        store.inbox_stats(shard)
        store.producers(shard, ["web"])
    slots(store, counter())
    store.totals()
    store.gauges([gauge(shard="0").id])
    for hour, version in store.dirty_hours().items():
        store.clean_hour(hour, version)
    store.pack_hour(HOUR_AGO)
    store.expire(HOUR_AGO - HOUR, HOUR_AGO)
    store.record_job(JobRun("drain", "process", 1.0, 1.0))
    store.acquire_lease("drain", "web", 10)
    store.job_records()
    store.set_note("process", "web", {}, 60)
    store.notes("process")


def test_all_keys_of_a_shard_are_in_one_slot(store: RedisStore, server: RedisServer) -> None:
    use_everything(store)
    with server.client() as client:
        names = client.keys("*")
    assert len(names) > 20
    for shard in range(3):
        mine = [name for name in names if name.startswith(b"artisan:{%d}:" % shard)]
        assert {key_slot(name) for name in mine} == {key_slot(b"%d" % shard)}
        names = [name for name in names if name not in mine]
    assert names == []


def test_everything_expires_but_what_a_rule_cleans_up(store: RedisStore, server: RedisServer) -> None:
    use_everything(store)
    lasting = {"state", "processes", "inbox", "totals", "series", "seen", "dirty", "clean", "jobs", "named", "job"}
    with server.client() as client:
        for name in client.keys("*"):
            kind = name.split(b":")[2].decode()
            life = client.ttl(name)
            assert (life == -1) == (kind in lasting), name
            assert life < 9 * 86_400


def test_cells_live_as_long_as_the_settings_say(store: RedisStore, server: RedisServer) -> None:
    with override_settings(ARTISAN_MONITORING={"RETENTION": {"METRICS": 2}}), server.client() as client:
        commit(store, delta(counter(), added(1)))
        life = client.ttl(f"artisan:{{0}}:cells:{counter().id}:{HOUR_AGO}")
        assert 2 * 86_400 - HOUR < life <= 2 * 86_400 + HOUR


def test_no_command_walks_through_the_keys(store: RedisStore, server: RedisServer) -> None:
    use_everything(store)
    with server.client() as client:
        used = set(client.info("commandstats"))
    assert {"cmdstat_evalsha", "cmdstat_xadd"} <= used
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_flushdb", "cmdstat_flushall"} & used


def test_shards_that_were_used_before_are_still_read(server: RedisServer, store: RedisStore) -> None:
    series = [counter(n=str(number)) for number in range(9)]
    for each in series:
        commit(store, delta(each, added(1)), shard=shard_of(each, 3))
    store.append(2, "web", 1, b"x", limit_bytes=1000)
    fewer = RedisStore(url=server.url, shards=1)
    assert fewer.shards == 1
    assert list(fewer.reading_shards()) == [0, 1, 2]
    for each in series:
        commit(fewer, delta(each, observed(), minute=1), delta(each, added(10), minute=1))
        assert sum(cell.sum for cell in slots(fewer, each).values()) == 11
        assert total(fewer, each).sum == 11
    fewer.close()


def test_a_new_number_of_shards_is_seen_by_those_who_read_already(server: RedisServer) -> None:
    one, five = RedisStore(url=server.url), RedisStore(url=server.url, shards=5)
    assert list(one.reading_shards()) == [0]
    five.append(4, "web", 1, b"x", limit_bytes=1000)
    one._announced_at -= 61
    assert list(one.reading_shards()) == [0, 1, 2, 3, 4]
    one.close()
    five.close()


def test_prefixes_keep_two_projects_apart(server: RedisServer) -> None:
    one, other = RedisStore(url=server.url), RedisStore(url=server.url, prefix="other")
    commit(one, delta(counter(), added(1)))
    assert other.series() == []
    one.close()
    other.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": "redis://localhost", "alias": "default"},
        {"url": "redis://localhost", "shards": 0},
        {"url": "redis://localhost", "prefix": "a{b"},
        {"url": "http://localhost"},
        {"alias": "unheard of"},
    ],
)
def test_options_that_lead_nowhere_are_told_at_once(options: dict[str, object]) -> None:
    with pytest.raises(ImproperlyConfigured):
        RedisStore(**options)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        RedisStore(url="redis://localhost", shard=3)
