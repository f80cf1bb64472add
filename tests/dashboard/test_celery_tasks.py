"""Celery's section: runs, failures and waits by task from cells and roll-ups alike, and who is alive."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import HOUR, floor
from artisan_monitoring.dashboard.celery_tasks import DURATION, WAIT, celery
from artisan_monitoring.dashboard.windows import SPANS, Span
from artisan_monitoring.metrics.rollup import flush_metrics

from .seed import put

pytestmark = pytest.mark.django_db(databases="__all__")


def ran(at: float, *seconds: float, task: str = "shop.mail", outcome: str = "success", name: str = DURATION) -> Delta:
    tags = {"messaging.operation.name": task, "messaging.destination.name": "celery"}
    tags |= {"artisan.outcome": outcome} if name == DURATION else {}
    cell = Cell()
    for each in seconds:
        cell.observe(each, SECONDS_BOUNDS)
    return Delta(Series(name, "distribution", "s", tuple(sorted(tags.items()))), int(at) // 60 * 60, 60, cell)


def seed(store) -> None:
    now = store.now()
    deltas = []
    for back in (120, 2 * HOUR, 5 * HOUR, 30 * HOUR):
        deltas += [
            ran(now - back, 0.1, 0.2, 0.4),
            ran(now - back, 3.0, outcome="failure"),
            ran(now - back, 0.5, outcome="aborted"),
            ran(now - back, 0.1, outcome="retry"),
            ran(now - back, 0.01, task="shop.tidy"),
            ran(now - back, 7.0, 8.0, name=WAIT),
        ]
    put(store, *deltas)


@pytest.mark.parametrize("rolled", [False, True])
def test_tasks_of_each_window(store, rolled):
    seed(store)
    if rolled:
        flush_metrics()
    for key, times in {"1h": 1, "6h": 3, "24h": 3, "7d": 4, "30d": 4}.items():
        first, second = celery(SPANS[key])["tasks"]
        assert (first["name"], first["count"], first["failed"], first["share"]) == (
            "shop.mail", str(6 * times), str(2 * times), "33 %",
        )  # fmt: skip
        assert first["p95"] in ("3 s", "2.99 s")
        assert first["wait"] in ("8 s", "7.91 s", "7.83 s")
        assert first["tone"] == "critical"
        assert (second["name"], second["count"], second["failed"]) == ("shop.tidy", str(times), "0")
        assert second["wait"] == "–"


class Past(Span):
    """Three hours around a time 30 hours ago."""

    def slots(self, now: float) -> range:
        start = floor(now - 30 * HOUR, HOUR) - HOUR
        return range(start, start + 3 * HOUR, HOUR)


@pytest.mark.parametrize("rolled", [False, True])
def test_window_that_ends_in_the_past_has_no_later_runs(store, rolled):
    seed(store)
    if rolled:
        flush_metrics()
    assert [each["count"] for each in celery(Past("past", "past", 3 * HOUR, HOUR))["tasks"]] == ["6", "1"]


def test_eight_tasks_are_shown_and_the_others_counted(store):
    now = store.now()
    put(store, *(ran(now - 60, *[0.1] * (number + 1), task=f"t{number}") for number in range(11)))
    found = celery(SPANS["1h"])
    assert ([each["name"] for each in found["tasks"]][:2], len(found["tasks"]), found["more"]) == (["t10", "t9"], 8, 3)


def test_workers_and_beat_by_their_heartbeats(store):
    facts = {"hostname": "celery@web-1", "pool": "prefork", "concurrency": 4, "queues": ["celery", "mail"],
             "started_at": store.now() - 7200}  # fmt: skip
    store.set_note("worker", "celery@web-1", facts, 300)
    store.set_note("worker", "odd", {"queues": "x", "started_at": "y"}, 300)
    store.set_note("beat", "tick", {"seen_by": "celery@web-1"}, 300)
    found = celery(SPANS["1h"])
    first, odd = found["workers"]
    assert (first["name"], first["pool"], first["queues"], first["up"]) == (
        "celery@web-1", "prefork × 4", "celery, mail", "2 h",
    )  # fmt: skip
    assert (first["silent"], found["beat"]["silent"], odd["pool"], odd["queues"], odd["up"]) == (
        False,
        False,
        "? × ?",
        "",
        "–",
    )
    assert found["there"]


def test_silence_is_that_of_the_health_check(store, monkeypatch):
    from artisan_monitoring.health.checks.celery import HeartbeatCheck

    store.set_note("beat", "tick", {}, 300)
    monkeypatch.setattr(HeartbeatCheck, "fail_after_s", -1.0)
    assert celery(SPANS["1h"])["beat"]["tone"] == "critical"


def test_site_without_celery_has_no_section(store):
    assert not celery(SPANS["24h"])["there"]
