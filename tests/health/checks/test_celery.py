"""Workers and beat by heartbeat."""

from __future__ import annotations

import pytest

from artisan_monitoring.health.base import CheckError, Status
from artisan_monitoring.health.checks.celery import HeartbeatCheck, judge
from artisan_monitoring.health.prober import prober
from artisan_monitoring.stores.base import Note


def beats(*ages):
    return {f"worker{number}": Note({}, age) for number, age in enumerate(ages)}


def test_fresh_heartbeats_pass():
    age, alive = judge("worker", beats(3.0, 400.0), False, 90.0)
    assert (age.value, alive.value) == (3.0, 1)


def test_silence_fails():
    with pytest.raises(CheckError, match="no heartbeat of a worker for 100 s"):
        judge("worker", beats(100.0, 400.0), False, 90.0)


def test_a_project_without_celery_is_well():
    assert judge("worker", {}, False, 90.0)[0].status is Status.PASS


def test_who_was_seen_once_is_missed():
    judge("worker", beats(3.0), False, 90.0)
    with pytest.raises(CheckError, match="no worker there"):
        judge("worker", {}, False, 90.0)
    assert judge("beat", {}, False, 90.0)[0].value == "never seen"


def test_who_is_expected_is_missed_from_the_start():
    with pytest.raises(CheckError, match="no beat there"):
        judge("beat", {}, True, 90.0)


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize(("expected", "status"), [("on", "fail"), ("auto", "pass"), ("off", "pass")])
def test_the_setting(settings, expected, status):
    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "DATABASE": "monitoring", "HEALTH": {"CELERY": expected}}
    (result,) = prober.collect([HeartbeatCheck()], max_age_s=0, budget_s=10)
    assert result.status == status


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_heartbeats_are_read_from_the_store(settings):
    from artisan_monitoring.stores import get_store

    settings.ARTISAN_MONITORING = {"IN_TESTS": True, "DATABASE": "monitoring", "HEALTH": {"CELERY": "on"}}
    get_store().set_note("worker", "celery@shop", {"queues": ["default"]}, 60)
    (result,) = prober.collect([HeartbeatCheck()], max_age_s=0, budget_s=10)
    assert result.status is Status.PASS
