"""The host's metrics: real figures, from one process of each host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from artisan_monitoring.core.guard import failures
from artisan_monitoring.metrics import host as host_module
from artisan_monitoring.metrics.host import Host, Turn
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.testing import CapturedMetrics, override_monitoring

FIGURES = {
    "system.cpu.utilization",
    "system.memory.utilization",
    "system.filesystem.utilization",
    "system.cpu.load_average.1m",
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Host()
    yield made
    made.reset()


def test_samplers_run_at_each_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(host_module, "host", SimpleNamespace(sample=lambda: seen.append("host")))
    for sampler in buffer.samplers:
        sampler()
    assert seen == ["host"]


def test_real_figures_with_the_hosts_name(host: Host, sampled: CapturedMetrics) -> None:
    host.sample()
    assert sampled.names() == FIGURES - {"system.cpu.utilization"}  # a share of time needs a second look
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    host.sample()
    assert sampled.names() == FIGURES
    for name in FIGURES - {"system.cpu.load_average.1m"}:
        assert 0 <= sampled.cell(name, host__name=socket.gethostname()).last <= 1
    assert sampled.cell("system.cpu.utilization").last > 0.2  # one of few processors was busy
    assert [dict(each.tags)["system.filesystem.mountpoint"] for each in sampled.series("system.filesystem.utilization")]


def test_settings_name_the_host_and_the_file_systems(host: Host, sampled: CapturedMetrics, tmp_path: Path) -> None:
    chosen = {"FILESYSTEMS": (str(tmp_path), "/no/such/path")}
    before = sum(failures.values())
    with override_monitoring(HOST="web-1", HOST_METRICS=chosen):
        host.sample()
    (series,) = sampled.series("system.filesystem.utilization")
    assert series.tags == (("host.name", "web-1"), ("system.filesystem.mountpoint", str(tmp_path)))
    assert sum(failures.values()) == before  # a path that is not there is told in the log, and no failure of ours


def test_switched_off(host: Host, sampled: CapturedMetrics) -> None:
    host.sample()
    assert host.turn._descriptor is not None
    sampled.collect()
    with override_monitoring(HOST_METRICS={"ENABLED": False}):
        host.sample()
    assert host.turn._descriptor is None  # another process may have other settings
    assert sampled.count("system.memory.utilization") == 1


def test_not_under_a_test_runner(host: Host, captured_metrics: CapturedMetrics) -> None:
    host.sample()
    assert captured_metrics.names() == set()


def test_a_figure_that_fails_leaves_the_others(
    host: Host, sampled: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(host_module, "_cpu_times", fail)
    host.sample()
    assert {"system.memory.utilization", "system.filesystem.utilization"} <= sampled.names()
    assert failures["host.sample_cpu"] == 1
    failures.clear()


def test_an_urgent_flush_is_no_sample(host: Host, sampled: CapturedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "SHORTEST_S", 60.0)
    host.sample()
    host.sample()
    assert sampled.count("system.memory.utilization") == 1


TAKE = """
import sys, django
from tests import settings
django.setup()
import tempfile
tempfile.tempdir = sys.argv[1]
from artisan_monitoring.metrics.host import Turn
turn = Turn()
print(turn.mine(), flush=True)
sys.stdin.read()
"""


def other_process(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", TAKE, str(folder)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_one_process_of_a_host_reports_and_the_next_takes_over(host: Host, tmp_path: Path) -> None:
    first = other_process(tmp_path)
    assert first.stdin is not None
    assert first.stdout is not None
    with first:
        assert first.stdout.readline() == "True\n"
        assert not host.turn.mine()
        first.stdin.close()
    assert host.turn.mine()
    assert not Turn().mine()


def test_a_forked_child_leaves_the_parents_turn(host: Host) -> None:
    assert host.turn.mine()
    child = os.fork()
    if child == 0:
        host.reset()  # what a child does
        os._exit(int(host.turn.mine()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not Turn().mine()


def test_where_no_file_can_be_had_every_process_reports(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    assert Turn().mine()
    assert Turn().mine()


def test_a_link_that_somebody_laid_is_not_followed(tmp_path: Path, host: Host) -> None:
    target = tmp_path / "target"
    host.turn.path().symlink_to(target)
    assert host.turn.mine()
    assert not target.exists()


def test_stores_have_turns_of_their_own(host: Host) -> None:
    here = host.turn.path()
    with override_monitoring(STORE={"OPTIONS": {"url": "redis://:hunter2@cache.example/0"}}):
        there = host.turn.path()
    assert here != there
    assert "hunter2" not in there.name
