"""Evaluation: from numbers in the store to alerts and what is to be told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from artisan_monitoring.alerts import states
from artisan_monitoring.alerts.evaluation import evaluate_alerts
from artisan_monitoring.alerts.measures import MEASURES
from artisan_monitoring.core.rules import Decision, RuleKind, Standing
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.models import Alert, AlertNotification, AlertRule
from artisan_monitoring.pipeline.jobs import run_job
from artisan_monitoring.signals import alert_changed
from artisan_monitoring.stores import get_store

from .conftest import error_rule

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Errors = Callable[..., None]


@pytest.fixture
def heard(host: Settings) -> Any:
    """The changes that `alert_changed` told, as (old, new)."""
    changes: list[tuple[str, str]] = []

    def note(alert: Alert, old_state: str, new_state: str, **kwargs: object) -> None:
        changes.append((old_state, new_state))

    alert_changed.connect(note)
    yield changes
    alert_changed.disconnect(note)


def test_many_errors_make_one_alert_however_often_they_are_judged(errors: Errors, heard: list[Any]) -> None:
    error_rule()
    errors(12)
    for _ in range(3):
        evaluate_alerts()
    alert = Alert.objects.get()
    assert (alert.state, alert.severity, alert.value) == ("firing", "HIGH", 12)
    assert alert.labels == {"environment": "production"}
    assert alert.why == "12 errors in 5 min; the rule says at least 10."
    assert [(row.channel, row.kind) for row in AlertNotification.objects.all()] == [("log", "firing")]
    assert heard == [("", "firing")]


def test_too_few_errors_make_no_alert(errors: Errors) -> None:
    error_rule()
    errors(9)
    evaluate_alerts()
    assert not Alert.objects.exists()


def test_alert_resolves_when_the_errors_have_left_the_window(errors: Errors, heard: list[Any]) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    evaluate_alerts(get_store().now() + 420)
    alert = Alert.objects.get()
    assert alert.state == "resolved"
    assert alert.resolved_at > alert.fired_at
    assert alert.why == "12 errors in 5 min; the rule says at least 10."
    assert list(AlertNotification.objects.order_by("pk").values_list("kind", flat=True)) == ["firing", "resolved"]
    assert heard == [("", "firing"), ("firing", "resolved")]


def test_the_next_episode_is_an_alert_of_its_own(errors: Errors) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    evaluate_alerts(get_store().now() + 420)
    evaluate_alerts()
    assert sorted(Alert.objects.values_list("state", flat=True)) == ["firing", "resolved"]
    assert Alert.objects.values("fingerprint").distinct().count() == 1


def test_new_numbers_are_written_to_the_standing_alert(errors: Errors) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    errors(8)
    evaluate_alerts()
    alert = Alert.objects.get()
    assert (alert.value, alert.version) == (20, 2)


def test_only_errors_severe_enough_count(errors: Errors) -> None:
    error_rule(error_severity="HIGH")
    errors(9, severity="HIGH")
    errors(100, severity="MEDIUM")
    evaluate_alerts()
    assert not Alert.objects.exists()
    errors(1, severity="CRITICAL")
    evaluate_alerts()
    assert Alert.objects.get().value == 10


def test_error_rate_needs_its_minimum_of_traffic(requests: Callable[..., None]) -> None:
    AlertRule.objects.create(name="Rate", kind="error_rate", threshold=0.05, minimum=50, severity="HIGH")
    requests({200: 20, 503: 10})
    evaluate_alerts()
    assert not Alert.objects.exists()
    requests({200: 100, 404: 70})
    evaluate_alerts()
    alert = Alert.objects.get()
    assert alert.value == pytest.approx(0.05)
    assert alert.why == "5 % of requests failed in 5 min (10 of 200); the rule says at least 5 %."


def test_pending_is_told_to_nobody_until_it_has_held_long_enough(errors: Errors, heard: list[Any]) -> None:
    error_rule(for_s=60)
    errors(12)
    now = round(get_store().now())
    evaluate_alerts(now)
    assert Alert.objects.get().state == "pending"
    assert not AlertNotification.objects.exists()
    evaluate_alerts(now + 60)
    alert = Alert.objects.get()
    assert (alert.state, alert.started_at.timestamp()) == ("firing", now)
    assert AlertNotification.objects.count() == 1
    assert heard == [("", "pending"), ("pending", "firing")]


def test_pending_that_passes_leaves_no_trace(errors: Errors) -> None:
    error_rule(for_s=3600)
    errors(12)
    evaluate_alerts()
    evaluate_alerts(get_store().now() + 420)
    assert not Alert.objects.exists()
    assert not AlertNotification.objects.exists()


def test_acknowledged_stays_so_until_it_resolves(errors: Errors) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    assert states.acknowledge(Alert.objects.get(), get_store().now(), "ada", "7")
    errors(5)
    evaluate_alerts()
    alert = Alert.objects.get()
    assert (alert.state, alert.value, alert.acknowledged_by, alert.acknowledged_by_pk) == (
        "acknowledged",
        17,
        "ada",
        "7",
    )
    evaluate_alerts(get_store().now() + 420)
    assert Alert.objects.get().state == "resolved"


def test_what_a_person_resolved_is_not_raised_again_by_the_same_errors(errors: Errors) -> None:
    error_rule(window_s=600)
    errors(12)
    now = get_store().now()
    evaluate_alerts(now)
    # In the next minute; the slot that holds the resolving counts on, so that no later error is missed.
    states.resolve(Alert.objects.get(), now + 60, by="ada")
    evaluate_alerts(now + 75)
    assert Alert.objects.filter(state="firing").count() == 0
    alert = Alert.objects.get()
    assert (alert.resolved_by, alert.state) == ("ada", "resolved")


def test_rules_disabled_or_of_another_environment_raise_nothing_and_let_go(errors: Errors) -> None:
    error_rule(environment="staging")
    error_rule(name="Off", enabled=False)
    rule = error_rule(name="Here", environment="production")
    errors(12)
    evaluate_alerts()
    assert Alert.objects.get().rule == rule
    AlertRule.objects.filter(pk=rule.pk).update(enabled=False)
    evaluate_alerts()
    alert = Alert.objects.get()
    assert alert.state == "resolved"
    assert alert.why.startswith("The rule is not in force any more.")


def test_alerts_of_a_deleted_rule_resolve_and_keep_its_name(errors: Errors) -> None:
    rule = error_rule()
    errors(12)
    evaluate_alerts()
    rule.delete()
    evaluate_alerts()
    alert = Alert.objects.get()
    assert (alert.state, alert.rule, alert.rule_name) == ("resolved", None, "Many errors")


def test_one_rule_that_cannot_be_judged_stops_no_other_and_keeps_its_alerts(errors: Errors) -> None:
    error_rule()
    rate = AlertRule.objects.create(name="A rate", kind=RuleKind.ERROR_RATE.value, threshold=0.05, severity="HIGH")
    error_rule(name="More", threshold=11)
    errors(12)
    evaluate_alerts()
    standing = states.open_alert(rate, {}, Decision(Standing.FIRING, True, 1.0, 1.0, 1.0, 1.0, "was so"))
    broken = mock.Mock(side_effect=StoreUnavailable("away"))
    with mock.patch.dict(MEASURES, {RuleKind.ERROR_RATE: broken}), pytest.raises(StoreUnavailable):
        evaluate_alerts()
    assert Alert.objects.filter(state="firing").count() == 3
    assert Alert.objects.get(pk=standing.pk).version == 1


def test_store_that_is_away_changes_no_alert(errors: Errors) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    with (
        mock.patch.object(type(get_store()), "buckets", side_effect=StoreUnavailable("away")),
        pytest.raises(StoreUnavailable),
    ):
        evaluate_alerts(get_store().now() + 420)
    assert Alert.objects.get().state == "firing"


def test_workers_that_judge_at_once_raise_one_alert(errors: Errors) -> None:
    error_rule()
    errors(12)
    together = threading.Barrier(4)
    failures = []

    def judge() -> None:
        try:
            together.wait()
            evaluate_alerts()
        except Exception as exc:
            failures.append(exc)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=judge) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert Alert.objects.count() == 1
    assert AlertNotification.objects.count() == 1


def test_decision_made_on_old_numbers_is_not_written(errors: Errors) -> None:
    rule = error_rule()
    errors(12)
    evaluate_alerts()
    slept, awake = Alert.objects.get(), Alert.objects.get()
    now = get_store().now()
    assert states.resolve(awake, now)
    assert not states.resolve(slept, now)
    assert not states.acknowledge(slept, now, "ada")
    assert not states.refresh(slept, rule, Decision(Standing.FIRING, True, 99.0, 99.0, now, now, "late"))
    assert Alert.objects.get().state == "resolved"
    assert AlertNotification.objects.count() == 2


def test_second_worker_that_begins_the_same_episode_is_told_that_it_exists(errors: Errors) -> None:
    rule = error_rule()
    decision = Decision(Standing.FIRING, True, 12.0, 12.0, 1_800_000_000.0, 1_800_000_000.0, "so")
    assert states.open_alert(rule, {"environment": "production"}, decision) is not None
    assert states.open_alert(rule, {"environment": "production"}, decision) is None
    assert AlertNotification.objects.count() == 1


def test_crash_between_deciding_and_queueing_leaves_neither(errors: Errors) -> None:
    error_rule()
    errors(12)
    with mock.patch.object(states, "queue", side_effect=RuntimeError("killed")), pytest.raises(RuntimeError):
        evaluate_alerts()
    assert not Alert.objects.exists()
    evaluate_alerts()
    assert Alert.objects.count() == AlertNotification.objects.count() == 1


def test_receiver_that_raises_stops_nothing(errors: Errors, caplog: pytest.LogCaptureFixture) -> None:
    def burst(**kwargs: object) -> None:
        raise RuntimeError("not ours")

    alert_changed.connect(burst)
    try:
        error_rule()
        errors(12)
        evaluate_alerts()
    finally:
        alert_changed.disconnect(burst)
    assert Alert.objects.get().state == "firing"


def test_each_failing_health_check_is_an_alert_of_its_own(host: Settings) -> None:
    AlertRule.objects.create(name="Health", kind="health", threshold=1, window_s=300, severity="HIGH")
    well, broken = {"status": "pass"}, {"status": "fail", "output": "no answer in 1 s"}
    get_store().set_note("health", "snapshot", {"checks": {"database": well, "cache": broken, "disk": broken}}, 60)
    evaluate_alerts()
    found = {alert.labels["check"]: alert.why for alert in Alert.objects.all()}
    assert found == {
        "cache": "The health check cache fails: no answer in 1 s.",
        "disk": "The health check disk fails: no answer in 1 s.",
    }
    get_store().set_note("health", "snapshot", {"checks": {"database": well, "cache": broken, "disk": well}}, 60)
    evaluate_alerts()
    assert [alert.labels["check"] for alert in Alert.objects.exclude(state="resolved")] == ["cache"]


def test_job_that_does_not_run_is_an_alert(host: Settings) -> None:
    AlertRule.objects.create(name="Jobs", kind="job_overdue", threshold=1, window_s=300, severity="MEDIUM")
    run_job("drain")
    evaluate_alerts()
    assert not Alert.objects.filter(labels__job="drain").exists()
    late = [mock.Mock(overdue=True, last_success=get_store().now() - 90, period_s=5, last_error="OSError")]
    late[0].name = "drain"
    with mock.patch("artisan_monitoring.alerts.measures.job_states", return_value=late):
        evaluate_alerts()
    why = Alert.objects.get(labels__job="drain").why
    assert why == "The job drain is overdue: it last succeeded 90 s ago, and should every 5 s. OSError"
