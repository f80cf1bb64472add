"""The job that runs the checks: what it publishes, records and tells."""

from __future__ import annotations

import logging

import pytest

from artisan_monitoring.health import snapshot
from artisan_monitoring.pipeline.jobs import jobs
from artisan_monitoring.stores import get_store
from tests.health.fakes import fake

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def run(configure):
    """A function that runs the job with one fake check in a given state, as a process does that was just started."""
    from artisan_monitoring.health.prober import prober

    def once(status, **options):
        configure(
            top={"IN_TESTS": True, "DATABASE": "monitoring", "HOUSEKEEPING": "off"},
            DETAILED=["fake"],
            CHECKS={"fake": fake(status=status, **options)},
        )
        prober.reset()
        snapshot.run_health_checks()
        return snapshot.published()

    return once


def test_it_is_a_job():
    job = jobs()["run_health_checks"]
    assert (job.period_s, job.path) == (30.0, "artisan_monitoring.health.snapshot.run_health_checks")


def test_it_publishes_what_it_found(run):
    published = run("warn")
    assert published["status"] == "warn"
    assert published["age_s"] < 60
    entry = published["checks"]["fake"]
    assert (entry["status"], entry["reading"], entry["output"], entry["critical"]) == ("warn", "warn", "slow", True)
    assert set(get_store().notes("health")) == {"snapshot"}


def test_it_fails_at_the_third_failure_and_says_so_once(run, caplog):
    caplog.set_level(logging.INFO, "artisan_monitoring.health")
    assert [run(status)["status"] for status in ("pass", "fail", "fail")] == ["pass", "pass", "pass"]
    assert not caplog.records
    assert run("fail")["status"] == "fail"
    assert run("fail")["status"] == "fail"
    assert run("pass")["status"] == "pass"
    assert [(record.levelname, record.getMessage().partition(",")[0]) for record in caplog.records] == [
        ("ERROR", "Health of fake: fail"),
        ("INFO", "Health of fake: pass"),
    ]


def test_a_check_that_is_not_critical_makes_a_warning(run):
    assert run("fail", critical=False)["status"] == "warn"


@pytest.mark.parametrize("value", [{"checks": {"fake": {}}}, {"checks": [1]}, {"checks": {"fake": {"status": "?"}}}])
def test_a_snapshot_of_another_version_is_overwritten(run, value):
    run("pass")
    get_store().set_note("health", "snapshot", value, 60)
    assert run("warn")["status"] == "warn"


def test_it_records_gauges(run):
    from artisan_monitoring.metrics.queries import gauge_now
    from artisan_monitoring.testing import flush_monitoring

    run("warn")
    flush_monitoring()
    assert gauge_now("artisan.health.status", {"check": "fake"}) == 0.5


def test_before_the_first_run_there_is_nothing(configure):
    configure(top={"IN_TESTS": True, "DATABASE": "monitoring", "HOUSEKEEPING": "off"})
    assert snapshot.published() is None
