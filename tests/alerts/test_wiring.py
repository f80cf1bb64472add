"""Errors that were drained are judged and told at once, not at the next period."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from artisan_monitoring import error_tracker
from artisan_monitoring.alerts import wiring
from artisan_monitoring.core.records import AlertSeverity
from artisan_monitoring.models import Alert, AlertNotification
from artisan_monitoring.pipeline.jobs import jobs, run_job
from artisan_monitoring.pipeline.lifecycle import flush_now
from artisan_monitoring.stores import get_store

from .conftest import error_rule

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_woken_at", -1e9)


def raise_and_track(severity: AlertSeverity = AlertSeverity.CRITICAL) -> None:
    try:
        raise RuntimeError("the till is on fire")
    except RuntimeError as exc:
        error_tracker.track_error(exc, severity)
    assert flush_now()


def test_a_critical_error_is_told_by_the_drain_that_brought_it(host: Settings) -> None:
    error_rule(name="Critical errors", error_severity="CRITICAL", threshold=1, severity="CRITICAL")
    raise_and_track()
    run_job("drain", runner="celery")
    alert = Alert.objects.get()
    assert (alert.state, alert.value) == ("firing", 1)
    assert AlertNotification.objects.get().state == "sent"
    runners = {name: get_store().job_records()[name].runner for name in ("evaluate_alerts", "deliver_notifications")}
    assert runners == {"evaluate_alerts": "celery", "deliver_notifications": "celery"}


def test_it_is_woken_at_most_once_in_a_while(host: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "WAKE_EVERY_S", 600.0)  # on a busy machine three drains take longer than a second
    error_rule()
    for _ in range(3):
        raise_and_track(AlertSeverity.HIGH)
        run_job("drain")
    assert get_store().job_records()["evaluate_alerts"].runs == 1


def test_the_jobs_of_alerting_are_registered_with_their_periods() -> None:
    assert {name: jobs()[name].period_s for name in ("evaluate_alerts", "deliver_notifications")} == {
        "evaluate_alerts": 15,
        "deliver_notifications": 15,
    }
