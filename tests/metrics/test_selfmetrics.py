"""Monitoring's own metrics: what comes on top at each flush, and what all processes share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from artisan_monitoring.core import guard
from artisan_monitoring.core.budget import Level
from artisan_monitoring.health import snapshot
from artisan_monitoring.logs import counters
from artisan_monitoring.metrics.selfmetrics import SelfMetrics, record_deployment, selfmetrics
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.flusher import flusher
from artisan_monitoring.pipeline.housekeeper import housekeeper
from artisan_monitoring.pipeline.overhead import overhead
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import CapturedMetrics

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counts of the test's own, without what other tests left."""
    monkeypatch.setattr(counters, "records", dict.fromkeys(counters.records, 0))
    monkeypatch.setattr(counters, "dropped", 0)
    monkeypatch.setattr(counters, "write_errors", 0)
    monkeypatch.setattr(buffer, "dropped", Counter())
    monkeypatch.setattr(buffer.registry, "overflowed", 0)
    monkeypatch.setattr(guard, "failures", Counter())
    monkeypatch.setattr(flusher, "cpu_s", 0.0)
    monkeypatch.setattr(flusher, "flushes", 0)
    monkeypatch.setattr(housekeeper, "cpu_s", 0.0)
    return


def test_samplers_run_at_each_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(selfmetrics, "sample", lambda: seen.append("own"))
    for sampler in buffer.samplers:
        sampler()
    assert seen == ["own"]


def test_each_flush_adds_what_came_on_top(sampled: CapturedMetrics) -> None:
    own = SelfMetrics()
    counters.records["ERROR"] = 3
    own.sample()
    counters.records["ERROR"] = 5
    counters.dropped, counters.write_errors = 4, 1
    buffer.dropped["metrics.rejected"] = 2
    buffer.registry.overflowed = 7
    guard.failures["capture"] = 1
    flusher.cpu_s, housekeeper.cpu_s = 0.25, 0.5
    own.sample()
    own.sample()  # nothing new: nothing is added
    assert sampled.sum("artisan.log.records", level="ERROR") == 5
    assert sampled.sum("artisan.log.lost") == 5
    assert sampled.sum("artisan.dropped", reason="metrics.rejected") == 2
    assert sampled.sum("artisan.overflow") == 7
    assert sampled.sum("artisan.internal_failures", place="capture") == 1
    assert sampled.sum("artisan.cpu.time", thread="flusher") == 0.25
    assert sampled.sum("artisan.cpu.time", thread="housekeeper") == 0.5


def test_every_level_is_told_at_nought_once(sampled: CapturedMetrics) -> None:
    own = SelfMetrics()
    own.sample()
    own.sample()
    assert len(sampled.series("artisan.log.records")) == len(counters.records)
    assert sampled.count("artisan.log.records") == len(counters.records)
    assert sampled.sum("artisan.log.records") == 0


def test_a_count_that_began_anew_is_counted_from_nought(sampled: CapturedMetrics) -> None:
    own = SelfMetrics()
    buffer.dropped["error.full"] = 5
    own.sample()
    buffer.dropped["error.full"] = 2
    own.sample()
    assert sampled.sum("artisan.dropped") == 7


def test_a_forked_child_does_not_tell_its_parents_counts(sampled: CapturedMetrics) -> None:
    own = SelfMetrics()
    counters.records["INFO"] = 9
    own.forked()
    counters.records["INFO"] = 10
    own.sample()
    assert sampled.sum("artisan.log.records") == 1


def test_flushes_and_what_waits(sampled: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    own = SelfMetrics()
    own.sample()
    assert {"artisan.buffer.waiting", "artisan.flush.duration", "artisan.breaker.open"} & sampled.names() == set()
    assert sampled.cell("artisan.buffer.series").last > 0
    monkeypatch.setattr(flusher, "flushes", 1)
    monkeypatch.setattr(flusher, "last_duration_s", 0.02)
    monkeypatch.setattr(buffer, "records", 6)
    monkeypatch.setattr(type(flusher), "breaker", "open")
    own.sample()
    monkeypatch.setattr(buffer, "records", 0)
    monkeypatch.setattr(type(flusher), "breaker", "closed")
    own.sample()
    own.sample()
    assert (sampled.count("artisan.flush.duration"), sampled.sum("artisan.flush.duration")) == (1, 0.02)
    waiting, opened = sampled.cell("artisan.buffer.waiting"), sampled.cell("artisan.breaker.open")
    assert (waiting.max, waiting.last, waiting.count) == (6, 0, 2)  # the nought once, then silence
    assert (opened.max, opened.last, opened.count) == (1, 0, 2)


def test_what_has_stepped_down(sampled: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    own = SelfMetrics()
    own.sample()
    assert "artisan.overhead.level" not in sampled.names()
    monkeypatch.setattr(overhead, "level", Level(2))
    own.sample()
    monkeypatch.setattr(overhead, "level", Level())
    own.sample()
    own.sample()
    level = sampled.cell("artisan.overhead.level")
    assert (level.max, level.last, level.count) == (2, 0, 2)  # the nought once, then silence


def test_not_under_a_test_runner(captured_metrics: CapturedMetrics) -> None:
    SelfMetrics().sample()
    assert captured_metrics.names() == set()


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_the_deployments_figures(captured_metrics: CapturedMetrics) -> None:
    store = get_store()
    store.set_note("process", "a", {"dropped": {}}, 60)
    store.append(0, "a", 1, b"anything", limit_bytes=10_000)
    store.add_losses({"gap": 4})
    record_deployment(store)
    assert captured_metrics.cell("artisan.processes").last == 1
    assert captured_metrics.cell("artisan.inbox.size").last >= 8
    assert captured_metrics.cell("artisan.inbox.lag").last >= 0
    assert captured_metrics.count("artisan.jobs.overdue") == 1
    assert captured_metrics.cell("artisan.losses", reason="gap").last == 4


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_the_job_records_them(captured_metrics: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.registry, "checks", lambda section: [])
    snapshot.run_health_checks()
    assert captured_metrics.count("artisan.inbox.lag") == 1


SITE = """
import json, sys, time
from tests import settings
settings.ARTISAN_MONITORING = {
    **settings.ARTISAN_MONITORING, "HOUSEKEEPING": "off", "FLUSH_INTERVAL_S": 0.3, "HOST": "web-1",
}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", database="monitoring", verbosity=0)
from artisan_monitoring import metrics_collector, shutdown_monitoring
from artisan_monitoring.metrics import host, process, queries
from artisan_monitoring.pipeline.jobs import run_job
host.SHORTEST_S = process.SHORTEST_S = 0.0
early = "psutil" in sys.modules
metrics_collector.increment("orders")
time.sleep(2.5)
shutdown_monitoring()
run_job("drain")
now = time.time()
found = {each.name: dict(each.tags) for each in queries.names()}
cpu = queries.read("artisan.cpu.time", now - 600, now + 60).overall().sum
print(json.dumps({"early": early, "found": found, "cpu": cpu}))
"""


def test_a_real_process_tells_of_itself(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TESTS_DIR": str(tmp_path)}
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", SITE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert not told["early"]  # psutil waits for the first flush
    wanted = {
        "system.memory.utilization",
        "process.memory.usage",
        "process.cpu.time",
        "artisan.log.records",
        "artisan.flush.duration",
        "artisan.cpu.time",
        "orders",
    }
    assert wanted <= set(told["found"])
    assert told["found"]["process.memory.usage"] == {"host.name": "web-1"}
    assert 0 < told["cpu"] < time.monotonic() - began
