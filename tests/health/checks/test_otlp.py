"""The check of the export by OTLP, on what the export leaves in the store and in the outbox."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from artisan_monitoring.health.base import Measurement, Status
from artisan_monitoring.health.checks.otlp import NOTE, OtlpCheck
from artisan_monitoring.models import LogOutbox
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

CHOSEN = {"ENDPOINT": "http://127.0.0.1:9", "LOGS": "ERROR", "LOG_LINES": 100}


@pytest.fixture
def exporting() -> Iterator[None]:
    with override_monitoring(OTLP=CHOSEN, IN_TESTS=True, FLUSH="request_finished"):
        yield


def found(check: OtlpCheck | None = None) -> dict[str, Measurement]:
    return {each.name: each for each in (check or OtlpCheck()).run()}


def wait(lines: int, age_s: float) -> None:
    LogOutbox.objects.using("monitoring").create(lines=lines, size=1, payload=b"", added_at=time.time() - age_s)


def test_a_project_that_exports_nothing_is_not_asked() -> None:
    with override_monitoring(IN_TESTS=True, FLUSH="request_finished"):
        assert found() == {"state": Measurement("state", "off")}


@pytest.mark.usefixtures("exporting")
def test_all_is_well() -> None:
    wait(3, 20.0)
    measured = found()
    assert {each.status for each in measured.values()} == {Status.PASS}
    assert (measured["metricsFailures"].value, measured["logsFailures"].value) == (0, 0)
    assert measured["waitingLogs"].value == 3
    assert 20 <= measured["oldestLog"].value < 60  # type: ignore[operator]


@pytest.mark.usefixtures("exporting")
def test_failures_warn_and_say_why() -> None:
    get_store().set_note(NOTE, "logs", {"failures": 2, "until": 0, "problem": "the endpoint answered 503"}, 60)
    measured = found()
    assert measured["metricsFailures"].status is Status.PASS
    assert measured["logsFailures"] == Measurement("logsFailures", 2, "", Status.WARN, "the endpoint answered 503")


@pytest.mark.usefixtures("exporting")
def test_an_outbox_that_fills_warns_before_lines_are_lost() -> None:
    wait(79, 1.0)
    assert found()["waitingLogs"].status is Status.PASS
    wait(1, 1.0)
    assert found()["waitingLogs"] == Measurement("waitingLogs", 80, "lines", Status.WARN, "of 100 that may wait")
    assert found(OtlpCheck(warn_full_percent=90.0))["waitingLogs"].status is Status.PASS


@pytest.mark.usefixtures("exporting")
def test_lines_that_wait_for_too_long_warn() -> None:
    wait(1, 2000.0)
    assert found()["oldestLog"].status is Status.WARN
    assert found()["oldestLog"].output == "dropped after 24 hours"


@pytest.mark.usefixtures("exporting")
def test_without_logs_the_outbox_is_not_asked_for() -> None:
    with override_monitoring(OTLP={"LOGS": ""}):
        assert set(found()) == {"metricsFailures", "logsFailures"}
