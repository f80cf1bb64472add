"""A real Prometheus scrapes a real site: it reads what was recorded, in each format, and its p95 is ours."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from artisan_monitoring.metrics import queries
from artisan_monitoring.stores import get_store
from tests.integrations.scraped import REQUEST, TOKEN, TRACE, chosen, scraped
from tests.services import Prometheus, PrometheusServer, check_metrics

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
ONE_BIN = 2 ** (1 / 32)
PAGE = Path(__file__).parents[2] / "docs/howto/prometheus.md"


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    """The address of a site with monitoring on."""
    settings.ARTISAN_MONITORING = {
        "SERVICE": "shop",
        "RELEASE": "1.4.2",
        "DATABASE": "monitoring",
        "IN_TESTS": True,
        "HOUSEKEEPING": "off",
        "HEALTH": {"TOKENS": [TOKEN], "RATE_LIMIT": 100_000},
    }
    return str(live_server.url)


def scrape(site: str, accept: str) -> tuple[bytes, str]:
    request = urllib.request.Request(
        f"{site}/health/prometheus", headers={"Authorization": f"Bearer {TOKEN}", "Accept": accept}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read(), response.headers["Content-Type"]


def expect_our_p95(server: PrometheusServer, expression: str) -> None:
    """Compare a p95 over all requests with that of `metrics.queries`: the same bin, so 2.2 % apart at most."""
    now = get_store().now()
    ours = queries.read(REQUEST, now - 3600, now + 60).overall().quantile(0.95)
    assert ours is not None
    assert 1 / ONE_BIN <= server.value(expression) / ours <= ONE_BIN


def test_what_prometheus_reads_is_what_was_recorded(prometheus: Prometheus, site: str) -> None:
    with scraped(prometheus, site, True, False) as (native, classic):
        for server in (native, classic):
            assert server.value('up{job="shop"}') == 1
            assert server.value("sum(artisan_errors_total)") == 18
            assert server.value("http_server_active_requests") == 1.0  # two processes, added up
            assert server.value("process_cpu_utilization_ratio") == 1.0
            assert server.query("target_info")[0][0]["service_version"] == "1.4.2"
        assert native.value("sum(histogram_count(http_server_request_duration_seconds))") == 1200
        assert classic.value("sum(http_server_request_duration_seconds_count)") == 1200
        assert not native.query("http_server_request_duration_seconds_bucket")
        expect_our_p95(native, "histogram_quantile(0.95, sum(http_server_request_duration_seconds))")
        expect_our_p95(native, "histogram_quantile(0.95, sum(rate(http_server_request_duration_seconds[1m])))")
        found = "histogram_sum(sum(http_server_request_duration_seconds))"
        assert native.value(found) == pytest.approx(classic.value("sum(http_server_request_duration_seconds_sum)"))
        exact = 'sum by (le) (http_server_request_duration_seconds_bucket{le=~"0.025|0.05|\\\\+Inf"})'
        counted = {labels["le"]: value for labels, value in classic.query(exact)}
        now = get_store().now()
        kept = queries.read(REQUEST, now - 3600, now + 60).overall().classic or []
        assert counted == {"0.025": sum(kept[:3]), "0.05": sum(kept[:4]), "+Inf": 1200}
        for server, name in (
            (native, "http_server_request_duration_seconds"),
            (classic, "http_server_request_duration_seconds_bucket"),
        ):
            traces = server.api("query_exemplars", query=name, start=str(now - 600), end=str(now + 600))
            assert {each["labels"]["trace_id"] for one in traces for each in one["exemplars"]} == {TRACE}
        expect_the_pages_expressions_to_answer(native, classic)


def expect_the_pages_expressions_to_answer(native: PrometheusServer, classic: PrometheusServer) -> None:
    """Ask what the how-to page shows: each block says in its first line which Prometheus it is for."""
    blocks = re.findall(r"^```promql\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 4
    for block in blocks:
        comment, _, expression = block.partition("\n")
        servers = {"# native": [native], "# classic": [classic]}.get(comment.partition(":")[0], [native, classic])
        for server in servers:
            assert server.query(chosen(expression)), (server.native, expression)


def test_promtool_finds_nothing_to_say(prometheus: Prometheus, site: str) -> None:
    from tests.integrations.scraped import record

    record()
    text, content_type = scrape(site, "text/plain")
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert check_metrics(prometheus, text) == ""
    assert "no help text" in check_metrics(prometheus, b"# TYPE orders_total counter\norders_total 1\n")


def test_a_counter_goes_on_where_it_was_after_its_buckets_are_gone(site: str) -> None:
    from artisan_monitoring.core.packing import Delta
    from tests.stores.build import HOUR_AGO, added, commit, counter

    store = get_store()
    commit(store, Delta(counter(), HOUR_AGO, 60, added(5)))
    first = scrape(site, "application/openmetrics-text")[0]
    store.expire(int(store.now()), 0)
    commit(store, Delta(counter(), HOUR_AGO + 60, 60, added(2)))
    second = scrape(site, "application/openmetrics-text")[0]

    def value(text: bytes, name: str) -> float:
        (found,) = re.findall(rf"^{name} (\S+)$", text.decode(), re.MULTILINE)
        return float(found)

    assert (value(first, "orders_total"), value(second, "orders_total")) == (5, 7)
    assert value(first, "orders_created") == value(second, "orders_created") == pytest.approx(time.time(), abs=60)
