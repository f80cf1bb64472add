"""The checks of monitoring itself: on a real store, and on figures that are not well."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.health.base import Status, worst
from artisan_monitoring.health.checks import river
from artisan_monitoring.health.checks.river import PipelineCheck, StoreCheck, judge
from artisan_monitoring.health.prober import prober

DEPLOYMENT = {
    "lag_s": 2.0,
    "overflowed": 0,
    "dropped": {},
    "losses": {},
    "jobs_overdue": [],
    "inbox_bytes": 10,
    "store_errors": 0,
    "log_lines_lost": 0,
    "flush_duration_s": 0.02,
    "cells_waiting": 3,
    "series": 500,
    "overhead_p99_s": 0.0001,
    "overhead_off": [],
    "log_records": {"INFO": 7, "ERROR": 2},
}
OWN = {
    "last_flush_age_s": 3.0,
    "breaker": "closed",
    "cells_waiting": 1,
    "records_waiting": 2,
    "guarded_failures": {},
}


def named(measurements):
    return {each.name: each for each in measurements}


def test_all_is_well():
    found = named(judge(DEPLOYMENT, OWN, 60.0))
    assert worst(each.status for each in found.values()) is Status.PASS
    assert (found["lag"].value, found["lastFlush"].value, found["waiting"].value) == (2.0, 3.0, 3)


@pytest.mark.parametrize(
    ("name", "deployment", "own"),
    [
        ("lag", {"lag_s": 61.0}, {}),
        ("breaker", {}, {"breaker": "open"}),
        ("overdueJobs", {"jobs_overdue": ["drain", "purge_expired"]}, {}),
        ("dropped", {"dropped": {"buffer_full": 3}}, {}),
        ("lost", {"losses": {"gap": 7}}, {}),
        ("overflow", {"overflowed": 1}, {}),
        ("internalFailures", {}, {"guarded_failures": {"capture": 2}}),
        ("storeErrors", {"store_errors": 2}, {}),
        ("logLinesLost", {"log_lines_lost": 5}, {}),
    ],
)
def test_each_trouble_warns(name, deployment, own):
    found = named(judge({**DEPLOYMENT, **deployment}, {**OWN, **own}, 60.0))
    assert [each.name for each in found.values() if each.status is not Status.PASS] == [name]
    assert found[name].output


def test_a_loss_warns_while_it_grows_and_is_shown_for_good():
    lost = {**DEPLOYMENT, "losses": {"gap": 7}}
    assert named(judge(lost, OWN, 60.0))["lost"].status is Status.WARN
    again = named(judge(lost, OWN, 60.0))["lost"]
    assert (again.status, again.value) == (Status.PASS, 7)
    assert named(judge({**DEPLOYMENT, "losses": {"gap": 8}}, OWN, 60.0))["lost"].status is Status.WARN


@pytest.mark.parametrize(
    ("name", "deployment"),
    [
        ("flushDuration", {"flush_duration_s": 5.1}),
        ("unsent", {"cells_waiting": 5001}),
        ("series", {"series": 9_000}),
    ],
)
def test_each_limit_that_is_crossed_warns(name, deployment):
    assert worst(each.status for each in PipelineCheck().limits(DEPLOYMENT)) is Status.PASS
    found = list(PipelineCheck().limits({**DEPLOYMENT, **deployment}))
    assert [each.name for each in found if each.status is not Status.PASS] == [name]


def test_before_the_first_flush_there_is_no_age():
    assert "lastFlush" not in named(judge(DEPLOYMENT, {**OWN, "last_flush_age_s": None}, 60.0))


def test_while_the_store_is_away_the_process_speaks_for_itself(settings, monkeypatch):
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "HOUSEKEEPING": "off"}

    def away(store):
        raise StoreUnavailable("away")

    monkeypatch.setattr(river, "deployment_stats", away)
    monkeypatch.setattr(river, "get_store", lambda: None)
    monkeypatch.setattr(river, "self_stats", lambda: {**OWN, "breaker": "open", "dropped": {"error.full": 4}})
    found = named(PipelineCheck().run())
    assert found["store"].status is found["breaker"].status is found["dropped"].status is Status.WARN
    assert (found["waiting"].value, found["dropped"].value) == (3, 4)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_on_a_real_store(settings):
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "DATABASE": "monitoring", "HOUSEKEEPING": "off"}
    store, pipeline = prober.collect([StoreCheck(), PipelineCheck()], max_age_s=0, budget_s=10)
    assert store.status is Status.PASS
    assert {each.name for each in store.measurements} == {"responseTime", "skew"}
    assert pipeline.status in (Status.PASS, Status.WARN)
    assert {"lag", "breaker", "lost", "dropped", "overdueJobs", "flushDuration", "series"} <= {
        each.name for each in pipeline.measurements
    }


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_clock_that_is_off_warns(settings, monkeypatch):
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "DATABASE": "monitoring", "HOUSEKEEPING": "off"}
    wrong = SimpleNamespace(time=lambda: time.time() - 3.0, perf_counter=time.perf_counter)
    monkeypatch.setattr(river, "time", wrong)
    skew = named(StoreCheck().run())["skew"]
    assert skew.status is Status.WARN


def test_a_store_that_is_away_fails_and_is_no_failure_of_the_host(settings):
    settings.ARTISAN_MONITORING = {
        "IN_TESTS": True,
        "STORE": {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}},
    }
    results = prober.collect([StoreCheck(), PipelineCheck()], max_age_s=0, budget_s=10)
    assert [result.status for result in results] == [Status.FAIL, Status.WARN]
    assert [result.effect for result in results] == [Status.WARN, Status.WARN]


def test_under_a_test_runner_the_store_is_not_touched(settings):
    settings.ARTISAN_MONITORING = {"STORE": {"BACKEND": "no.such.Store"}}
    results = prober.collect([StoreCheck(), PipelineCheck()], max_age_s=0, budget_s=10)
    assert [result.status for result in results] == [Status.PASS, Status.PASS]
