"""Redis away at the start, killed, frozen, emptied: requests never wait for it, and each count arrives or is a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.servers import Site, wait_until
from tests.services import RedisServer

PATHS = ("/bad/plain/", "/products/tideline-ring/", "/nowhere/")
NEVER_S = 1.0
"""No request of these takes as long on a busy machine; whoever waits for a Redis that is frozen takes 2 s."""

QUICK = {"FLUSH_INTERVAL_S": 0.3}


def state(site: Site) -> str:
    """Return the breaker of the one worker."""
    return str(site.detailed()["pipeline:breaker"]["observedValue"])


def lost(site: Site) -> int:
    """Return the losses that the health page shows."""
    return int(site.detailed().get("pipeline:lost", {}).get("observedValue", 0))


def slowest(site: Site, times: int = 30) -> float:
    """Return the longest of so many requests, in seconds."""
    return max(site.get("/bad/plain/").seconds for _ in range(times))


def test_a_redis_that_keeps_what_it_acknowledged_costs_no_count(
    new_site: Callable[..., Site], new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis(appendonly="yes", appendfsync="always")
    redis.stop()
    site = new_site(QUICK, REDIS_URL=redis.url)
    sent: Counter[int] = Counter()
    with site.gunicorn():
        # Away at the start.
        sent += site.visit(PATHS, 12)
        wait_until(lambda: state(site) == "open", "an absent store is not shown")
        assert site.detailed()["store:responseTime"]["status"] == "fail"
        redis.start()
        wait_until(lambda: state(site) == "closed", "the store came back, and nobody noticed")

        # Frozen: connections stay open and nothing answers.
        usual = slowest(site)
        redis.pause()
        during = slowest(site)
        wait_until(lambda: state(site) == "open", "a frozen store is not shown")
        during = max(during, slowest(site))
        redis.resume()
        sent[200] += 90
        assert during < NEVER_S, (usual, during)
        wait_until(lambda: state(site) == "closed", "the store went on, and nobody noticed")

        # Killed in the midst of it, and back with what it had acknowledged.
        sent += site.visit(PATHS, 12)
        redis.kill()
        sent += site.visit(PATHS, 12)
        redis.start()
        sent += site.visit(PATHS, 12)
    counts = site.counts()
    assert counts.statuses == sent
    assert counts.losses == {}


@pytest.mark.parametrize("how", ["killed", "emptied"])
def test_a_redis_that_forgets_is_found_out(
    new_site: Callable[..., Site], new_redis: Callable[..., RedisServer], how: str
) -> None:
    redis = new_redis()
    site = new_site(QUICK, REDIS_URL=redis.url)
    with site.gunicorn():
        before = site.visit(PATHS, 30).total()
        wait_until(lambda: kept(redis), "nothing arrived")
        assert lost(site) == 0
        if how == "killed":
            redis.kill()
            redis.start()
        else:
            with redis.client(db=2) as client:
                client.flushdb()
        after = site.visit(PATHS, 15)
        wait_until(lambda: lost(site) >= before, "the loss is not on the health page")
    counts = site.counts()
    # What was lost is gone, what came later is exact, and each lost request was one observation at least.
    assert counts.statuses == after
    assert counts.losses["wiped"] >= before
    assert set(counts.losses) == {"wiped"}


def kept(redis: RedisServer) -> bool:
    """Say whether the drain has put something into cells, and nothing waits."""
    with redis.client(db=2) as client:
        return bool(client.hlen("artisan:{0}:totals")) and not client.xlen("artisan:{0}:inbox")


def test_a_server_ends_in_time_though_redis_is_frozen(
    new_site: Callable[..., Site], new_redis: Callable[..., RedisServer], tmp_path: Path
) -> None:
    redis = new_redis()
    site = new_site(QUICK, REDIS_URL=redis.url)
    with site.gunicorn() as master:
        site.visit(PATHS, 6)
        wait_until(lambda: kept(redis), "nothing arrived")
        redis.pause()
        site.visit(PATHS, 6)
        master.terminate()
        assert master.wait(10) == 0
    redis.resume()
    lines = [line for line in site.log.read_text().splitlines() if "Monitoring " in line]
    assert [line for line in lines if "observations unsent" in line]
    assert not [line for line in lines if "Traceback" in line or "Monitoring failed" in line]
