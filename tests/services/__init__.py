"""Real servers for the tests: Redis, a Redis Cluster, PostgreSQL, Prometheus and a browser, from wheels or the machine.

`find_*` say where a program is or raise `ServiceMissing`; the fixtures in `tests/conftest.py` turn that into a skip, or
into a failure for what the environment variable REQUIRE names (`REQUIRE=redis,postgres,chromium,prometheus`).
"""

from __future__ import annotations

from tests.services.browser import find_chromium
from tests.services.cluster import RedisCluster
from tests.services.postgres import PostgresServer, find_postgres
from tests.services.process import ServiceMissing
from tests.services.prometheus import Prometheus, PrometheusServer, check_metrics, find_prometheus
from tests.services.redis import RedisServer, find_redis

__all__ = [
    "PostgresServer",
    "Prometheus",
    "PrometheusServer",
    "RedisCluster",
    "RedisServer",
    "ServiceMissing",
    "check_metrics",
    "find_chromium",
    "find_postgres",
    "find_prometheus",
    "find_redis",
]
