"""What a process uses: real CPU, memory, files and threads, and what the garbage collector did."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from artisan_monitoring.metrics import process as process_module
from artisan_monitoring.metrics.process import Process, processors
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.testing import CapturedMetrics, override_monitoring


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    monkeypatch.setattr(process_module, "SHORTEST_S", 0.0)
    made = Process()
    yield made
    made.pauses.listen(False)


def test_samplers_run_at_each_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(process_module.process, "sample", lambda: seen.append("process"))
    for sampler in buffer.samplers:
        sampler()
    assert seen == ["process"]


def test_cpu_time_is_all_there_was(process: Process, sampled: CapturedMetrics) -> None:
    process.sample()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    process.sample()
    used = os.times()
    user, system = (sampled.sum("process.cpu.time", cpu__mode=mode) for mode in ("user", "system"))
    assert user == pytest.approx(used.user, abs=0.05)
    assert system == pytest.approx(used.system, abs=0.05)
    share = sampled.cell("process.cpu.utilization")
    assert share.count == 1
    assert 0 < share.last <= 1.1
    assert processors() >= 1


def test_memory_files_and_threads(process: Process, sampled: CapturedMetrics, tmp_path: Path) -> None:
    process.sample()
    files, threads = (
        sampled.cell(name).last for name in ("process.unix.file_descriptor.count", "process.thread.count")
    )
    assert sampled.cell("process.memory.usage").last > 10_000_000
    stop = threading.Event()
    more = [threading.Thread(target=stop.wait) for _ in range(3)]
    for each in more:
        each.start()
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        process.sample()
    stop.set()
    for each in more:
        each.join()
    assert sampled.cell("process.unix.file_descriptor.count").max >= files + 2
    assert sampled.cell("process.thread.count").max >= threads + 3


def test_counting_many_files_is_done_each_minute(
    process: Process, sampled: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "COSTLY_S", -1.0)
    process.sample()
    process.sample()
    assert sampled.count("process.unix.file_descriptor.count") == 1
    assert sampled.count("process.thread.count") == 2


def test_collections_and_pauses(process: Process, sampled: CapturedMetrics) -> None:
    process.sample()
    before = sampled.sum("cpython.gc.collections", cpython__gc__generation="2")
    kept = [[] for _ in range(300_000)]  # a full collection that takes more than a millisecond
    gc.collect()
    process.sample()
    assert sampled.sum("cpython.gc.collections", cpython__gc__generation="2") - before >= 1
    longest = sampled.cell("artisan.gc.pause").max
    assert longest >= process_module.PAUSE_S
    assert sampled.sum("artisan.gc.time") >= longest
    assert len(kept) == 300_000


def test_switched_off(process: Process, sampled: CapturedMetrics) -> None:
    process.sample()
    assert process.pauses.watch in gc.callbacks
    sampled.collect()
    with override_monitoring(HOST_METRICS={"ENABLED": False}):
        process.sample()
    assert process.pauses.watch not in gc.callbacks
    assert sampled.count("process.memory.usage") == 1


def test_not_under_a_test_runner(process: Process, captured_metrics: CapturedMetrics) -> None:
    process.sample()
    assert captured_metrics.names() == set()
    assert process.pauses.watch not in gc.callbacks


def test_a_forked_child_counts_its_own(process: Process, sampled: CapturedMetrics) -> None:
    process.sample()
    collected = sum(each["collections"] for each in gc.get_stats())
    process.forked()
    sampled.collect()
    before = sampled.sum("cpython.gc.collections")
    process.sample()
    assert collected > 0
    assert sampled.sum("cpython.gc.collections") - before < 5
