"""What every test may ask for: the real servers, each started once a session by the first test that wants it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.services import (
    PostgresServer,
    Prometheus,
    RedisCluster,
    RedisServer,
    ServiceMissing,
    find_chromium,
    find_postgres,
    find_prometheus,
    find_redis,
)

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

Found = TypeVar("Found")
SKIPPED = "service missing: "


def obtain(service: str, find: Callable[[], Found]) -> Found:
    """Return what `find` finds, else skip the test; fail it if the environment's REQUIRE names the service."""
    try:
        return find()
    except ServiceMissing as missing:
        if service in os.environ.get("REQUIRE", "").replace(" ", "").split(","):
            pytest.fail(f"{service} is required: {missing}", pytrace=False)
        pytest.skip(f"{SKIPPED}{service}: {missing}")


@pytest.fixture(autouse=True)
def _no_thread_outlives_its_test() -> Iterator[None]:
    """Stop what a test with `IN_TESTS` started: the next test may have no tables for it."""
    yield
    flushing = sys.modules.get("artisan_monitoring.pipeline.flusher")
    keeping = sys.modules.get("artisan_monitoring.pipeline.housekeeper")
    if keeping is not None and keeping.housekeeper.running:
        keeping.housekeeper.stop(10)
    if flushing is not None and (flushing.flusher.running or flushing.flusher.wanted):
        flushing.flusher.stop(10)
        flushing.flusher.reset()  # and so the end of the run has nothing to send to tables that are gone
        flushing.buffer.reset()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server. A test that stops or pauses it brings it back; a test that wants it empty calls FLUSHALL."""
    server = RedisServer(obtain("redis", find_redis))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_shards() -> Iterator[RedisServer]:
    """A second Redis server, for stores that cut their keys into several shards."""
    server = RedisServer(obtain("redis", find_redis))
    server.start()
    yield server
    server.close()


@pytest.fixture
def new_redis() -> Iterator[Callable[..., RedisServer]]:
    """A function that starts a Redis of the test's own: `new_redis(appendonly="yes", maxmemory="2mb")`."""
    binary = obtain("redis", find_redis)
    made: list[RedisServer] = []

    def start(**options: str) -> RedisServer:
        made.append(RedisServer(binary, **options))
        made[-1].start()
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """A Redis Cluster of three masters."""
    cluster = RedisCluster(obtain("redis", find_redis))
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; `create_database()` and `settings(name)` give a test a database of its own."""
    server = PostgresServer(obtain("postgres", find_postgres))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium for Playwright's `executable_path`."""
    return obtain("chromium", find_chromium)


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    """The programs of a Prometheus, for `PrometheusServer(prometheus, target, path, token)` and `check_metrics`."""
    return obtain("prometheus", find_prometheus)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Name each missing service in one line, with the number of tests that went without it."""
    reasons = (str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()) if report.longrepr)
    missing = Counter(reason.split(SKIPPED, 1)[1] for reason in reasons if SKIPPED in reason)
    for reason, count in sorted(missing.items()):
        terminalreporter.write_line(f"{SKIPPED}{reason} ({count} tests skipped)", yellow=True)
