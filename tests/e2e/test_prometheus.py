"""What Prometheus would see of a real deployment: one truth from every worker, that never goes backwards."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from itertools import pairwise

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.e2e.servers import TOKEN, Site, wait_until
from tests.services import RedisServer

PATHS = ("/products/tideline-ring/", "/api/products/", "/nowhere/")
COUNT = "http_server_request_duration_seconds_count"
CREATED = "http_server_request_duration_seconds_created"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def scrape(site: Site) -> dict[str, dict[str, float]]:
    """Return counts and creation times of the pages' requests by series, as a scrape on a new connection has them."""
    answer = site.get("/health/prometheus", Authorization=f"Bearer {TOKEN}", Accept=OPENMETRICS)
    assert answer.status == 200, answer
    found: dict[str, dict[str, float]] = {COUNT: {}, CREATED: {}}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            if sample.name in found and not sample.labels.get("http_route", "").startswith("/health"):
                found[sample.name][str(sorted(sample.labels.items()))] = sample.value
    return found


def test_counters_of_many_workers_are_one_and_never_go_backwards(
    new_site: Callable[..., Site], redis_server: RedisServer
) -> None:
    with redis_server.client() as client:
        client.flushall()
    site = new_site({"FLUSH_INTERVAL_S": 0.2}, REDIS_URL=redis_server.url)
    sent = 0
    seen: list[dict[str, dict[str, float]]] = []
    with site.gunicorn(workers=3) as master:
        sent += site.visit(PATHS, 30).total()
        seen += [scrape(site) for _ in range(5)]
        os.kill(master.pid, signal.SIGHUP)
        site.wait_until_up()
        sent += site.visit(PATHS, 30).total()
        seen += [scrape(site) for _ in range(5)]
        assert site.manage("monitoring_purge").returncode == 0
        wait_until(lambda: sum(scrape(site)[COUNT].values()) == sent, "the counts do not arrive")
        seen += [scrape(site) for _ in range(6)]
    for before, after in pairwise(seen):
        assert before[COUNT].keys() <= after[COUNT].keys()
        assert all(after[COUNT][key] >= count for key, count in before[COUNT].items())
        assert all(after[CREATED][key] == created for key, created in before[CREATED].items())
    assert [sum(each[COUNT].values()) for each in seen[-6:]] == [sent] * 6
    assert len(set(re.findall(r"pid: (\d+)", site.log.read_text()))) >= 3
