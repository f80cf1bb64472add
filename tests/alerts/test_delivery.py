"""Delivery: each message once, failures kept and tried again, no channel holding up another."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from artisan_monitoring.alerts import delivery, states
from artisan_monitoring.alerts.channels import get_channel
from artisan_monitoring.alerts.channels.base import Channel
from artisan_monitoring.alerts.delivery import deliver_notifications, retry_after
from artisan_monitoring.alerts.messages import AlertMessage, compose
from artisan_monitoring.models import AlertNotification

from .conftest import HOST, NOW, fire, use

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

told: list[str] = []
broken = threading.Event()


class Told(Channel):
    """A channel that remembers what it was given, and is broken while `broken` is set."""

    def __init__(self, name: str = "told") -> None:
        self.name = name

    def send(self, message: AlertMessage) -> None:
        if broken.is_set() and self.name == "fragile":
            raise ConnectionError("https://user:hunter2secret@hooks.example.com is away")
        told.append(f"{self.name} {message.kind} {message.rule}")


def channel(**options: str) -> dict[str, Any]:
    return {"BACKEND": f"{__name__}.Told", "OPTIONS": options}


@pytest.fixture(autouse=True)
def clean() -> None:
    told.clear()
    broken.clear()


@pytest.fixture
def ops(host: Settings) -> Settings:
    """One channel that works."""
    return use(host, ops=channel())


def test_message_is_sent_once_however_often_the_job_runs(ops: Settings) -> None:
    fire()
    deliver_notifications()
    deliver_notifications()
    assert told == ["told firing Many errors"]
    row = AlertNotification.objects.get()
    assert (row.state, row.attempts, row.error) == ("sent", 1, "")
    assert row.sent_at is not None


def test_beginning_and_end_are_both_told(ops: Settings) -> None:
    alert = fire()
    deliver_notifications()
    states.resolve(alert, NOW + 60)
    deliver_notifications()
    assert told == ["told firing Many errors", "told resolved Many errors"]


def test_alert_that_ended_before_it_was_told_is_told_once_with_its_end(ops: Settings) -> None:
    states.resolve(fire(), NOW + 60)
    deliver_notifications()
    assert told == ["told resolved Many errors"]
    assert set(AlertNotification.objects.values_list("kind", "state")) == {
        ("firing", "superseded"),
        ("resolved", "sent"),
    }


def test_most_severe_first(ops: Settings) -> None:
    for severity in ("LOW", "CRITICAL", "MEDIUM", "HIGH"):
        fire(severity, severity)
    deliver_notifications()
    assert [line.split()[-1] for line in told] == ["CRITICAL", "HIGH", "MEDIUM", "LOW"]


def test_failure_is_kept_without_its_secret_and_tried_again_later(host: Settings) -> None:
    use(host, ops=channel(name="fragile"))
    fire()
    broken.set()
    deliver_notifications(NOW)
    row = AlertNotification.objects.get()
    assert (row.state, row.attempts) == ("queued", 1)
    assert row.error.startswith("ConnectionError: ")
    assert "hunter2secret" not in row.error
    broken.clear()
    deliver_notifications(NOW + 20)
    assert told == []
    deliver_notifications(NOW + 40)
    assert told == ["fragile firing Many errors"]
    assert AlertNotification.objects.get().error == ""


def test_back_off_grows_to_a_quarter_of_an_hour_and_is_spread() -> None:
    assert all(24 <= retry_after(1) <= 36 for _ in range(50))
    assert all(720 <= retry_after(40) <= 1080 for _ in range(50))
    assert len({retry_after(3) for _ in range(10)}) > 1


def test_after_a_day_it_is_given_up_and_the_row_says_why(host: Settings) -> None:
    use(host, ops=channel(name="fragile"))
    fire()
    broken.set()
    deliver_notifications(NOW + 86_401)
    row = AlertNotification.objects.get()
    assert row.state == "failed"
    assert "is away" in row.error


def test_broken_channel_is_tried_once_a_run_and_holds_up_no_other(host: Settings) -> None:
    use(host, a=channel(name="fragile"), b=channel(name="solid"))
    for number in range(5):
        fire(f"Rule{number}")
    broken.set()
    with mock.patch.object(delivery, "BATCH", 4):
        for _ in range(4):
            deliver_notifications(NOW)
    assert sorted(told) == [f"solid firing Rule{number}" for number in range(5)]
    assert sum(AlertNotification.objects.filter(channel="a").values_list("attempts", flat=True)) == 1
    broken.clear()
    for _ in range(2):
        deliver_notifications(NOW + 40)
    assert len([line for line in told if line.startswith("fragile")]) == 5


def test_channel_that_is_gone_from_settings_says_so(host: Settings) -> None:
    use(host, ops=channel())
    fire()
    use(host, other=channel())
    deliver_notifications(NOW)
    assert AlertNotification.objects.get().error == "KeyError: 'ops'"
    assert told == []


def test_crash_after_sending_and_before_noting_it_sends_twice_not_never(ops: Settings) -> None:
    fire()
    with mock.patch.object(Told, "send", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        deliver_notifications(NOW)
    deliver_notifications(NOW + 60)
    assert told == [], "the claim still stands: another worker may be sending"
    deliver_notifications(NOW + 121)
    assert told == ["told firing Many errors"]


def test_workers_that_deliver_at_once_send_each_message_once(ops: Settings) -> None:
    for number in range(8):
        fire(f"Rule{number}")
    together = threading.Barrier(3)

    def work() -> None:
        try:
            together.wait()
            deliver_notifications()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(told) == [f"told firing Rule{number}" for number in range(8)]


def test_run_ends_at_its_deadline_and_the_next_goes_on(ops: Settings) -> None:
    for number in range(3):
        fire(f"Rule{number}")
    with mock.patch.object(delivery, "RUN_S", -1.0):
        deliver_notifications()
    assert told == []
    deliver_notifications()
    assert len(told) == 3


def test_log_channel_writes_one_record_with_the_facts(host: Settings, caplog: pytest.LogCaptureFixture) -> None:
    alert = fire(severity="CRITICAL")
    with caplog.at_level(logging.INFO, "artisan_monitoring.alerts"):
        deliver_notifications()
        states.resolve(alert, NOW + 90)
        deliver_notifications()
    begun, ended = caplog.records
    assert begun.levelno == logging.CRITICAL
    assert begun.getMessage() == (
        "[CRITICAL] Many errors (shop, production): 12 errors in 5 min; the rule says at least 10."
    )
    assert begun.alert["rule"] == "Many errors"
    assert begun.alert["started_at"] == "2023-11-14T22:13:20+00:00"
    assert (ended.levelno, ended.alert["kind"]) == (logging.INFO, "resolved")


def test_wrong_backend_or_option_is_an_error_of_that_channel_only(host: Settings) -> None:
    use(host, a=channel(nonsense="x"), b={"BACKEND": "artisan_monitoring.no.such"}, c=channel(), d={"BACKEND": "dict"})
    fire()
    deliver_notifications()
    rows = dict(AlertNotification.objects.values_list("channel", "error"))
    assert rows["a"].startswith("TypeError: ")
    assert rows["b"].startswith("ModuleNotFoundError: ")
    assert rows["c"] == ""
    assert rows["d"].startswith("ImportError: ")
    host.ARTISAN_MONITORING = {**HOST, "ALERTS": {"CHANNELS": {"x": {"BACKEND": "collections.OrderedDict"}}}}
    with pytest.raises(TypeError, match="is not a Channel"):
        get_channel("x")


def test_title_is_one_line_and_html_is_escaped(host: Settings) -> None:
    alert = fire("<script>alert(1)</script>\r\nBcc: everyone")
    alert.why = "<b>why</b>"
    message = compose(alert, "firing", 1)
    assert "\n" not in message.title
    assert "\r" not in message.title
    assert "<script>" not in message.html()
    assert "&lt;b&gt;why&lt;/b&gt;" in message.html()


def test_link_is_whole_when_the_site_is_known_and_missing_else(host: Settings) -> None:
    alert = fire()
    assert compose(alert, "firing", 1).url == ""
    host.ARTISAN_MONITORING = {**HOST, "ALERTS": {"BASE_URL": "https://shop.example/"}}
    url = f"https://shop.example/admin/artisan_monitoring/alert/{alert.pk}/change/"
    message = compose(alert, "firing", 1)
    assert message.url == url
    assert url in message.text()
    assert url in message.html()


def test_labels_are_named_in_the_title_and_listed_below(host: Settings) -> None:
    alert = fire()
    alert.labels = {"environment": "staging", "check": "database"}
    message = compose(alert, "firing", 1)
    assert message.title == "[HIGH] Many errors: database (shop, staging)"
    assert "check: database" in message.text()


def test_notification_of_the_future_waits(ops: Settings) -> None:
    fire()
    AlertNotification.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    deliver_notifications()
    assert told == []
