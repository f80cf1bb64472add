"""How often a request is measured, and what a process tells of what it found."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from artisan_monitoring.core.budget import Level
from artisan_monitoring.pipeline import overhead as module
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.overhead import OFTEN, SELDOM, WANTED, Overhead, overhead
from artisan_monitoring.pipeline.selfstats import NOTE, deployment_stats, self_stats
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import override_monitoring

NOW = 1_000_000.0


@pytest.fixture
def own() -> Iterator[Overhead]:
    yield Overhead()
    overhead.reset()


def test_each_flush_has_it_judged() -> None:
    assert overhead.judge in buffer.samplers


def test_a_quiet_site_is_measured_more_often_and_a_busy_one_in_one_of_64(own: Overhead) -> None:
    assert own.every == own.left == SELDOM
    own.judge(NOW)
    assert own.every == OFTEN
    for requests in (40, 400, 4000, 40_000):
        for _ in range(requests // own.every):
            own.note(0.0, NOW)
        own.judge(NOW)
        assert own.every == min(SELDOM, max(OFTEN, requests // WANTED))
    own.judge(NOW)
    assert own.every == OFTEN


def test_samples_do_not_grow_without_end(own: Overhead) -> None:
    for number in range(module.MOST_SAMPLES + 50):
        own.note(float(number), NOW)
    assert own.stats(NOW + 1) == {"level": 0, "off": [], "p99_s": 1039.0, "samples": module.MOST_SAMPLES}
    assert own.stats(NOW + 1000)["samples"] == 0


def test_the_budget_is_the_settings(own: Overhead) -> None:
    for number in range(40):
        own.note(0.004, NOW + number)
    with override_monitoring(OVERHEAD_BUDGET_MS=0.0):
        own.judge(NOW + 40)
        assert own.level.value == 0
    with override_monitoring(OVERHEAD_BUDGET_MS=5.0):
        own.judge(NOW + 40)
        assert own.level.value == 0
    own.judge(NOW + 40)
    assert own.off("locals")
    assert not own.off("sql")
    with override_monitoring(OVERHEAD_BUDGET_MS=0.0):
        own.judge(NOW + 41)
    assert not own.off("locals")


def test_a_listener_that_fails_keeps_no_other_from_hearing(own: Overhead) -> None:
    heard: list[bool] = []
    own.listeners += [lambda: 1 / 0, lambda: heard.append(own.off("locals"))]
    for number in range(40):
        own.note(1.0, NOW + number)
    own.judge(NOW + 40)
    assert heard == [True]


def test_a_forked_child_begins_with_everything_on() -> None:
    overhead.level = Level(3)
    child = os.fork()
    if not child:
        os._exit(overhead.level.value)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert overhead.level.value == 3
    overhead.reset()


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_the_deployment_tells_of_the_process_where_it_is_worst() -> None:
    store = get_store()
    base = {**self_stats(), "log_records": {"INFO": 3}}
    store.set_note(NOTE, "a", {**base, "overhead": {"level": 1, "off": ["locals"], "p99_s": 0.003}}, 60)
    store.set_note(NOTE, "b", {**base, "overhead": {"level": 0, "off": [], "p99_s": 0.001}}, 60)
    store.set_note(NOTE, "older version", {"dropped": {}}, 60)
    stats = deployment_stats(store)
    assert (stats["overhead_p99_s"], stats["overhead_off"], stats["log_records"]) == (0.003, ["locals"], {"INFO": 6})
