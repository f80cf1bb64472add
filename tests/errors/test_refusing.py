"""What a project does not want: ignored classes and loggers, and its own function that changes or drops an event."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from artisan_monitoring import AlertSeverity, error_tracker
from artisan_monitoring.core import guard
from artisan_monitoring.errors import capture, log_handler, refusing
from artisan_monitoring.errors.event import Event
from artisan_monitoring.testing import override_monitoring

from .test_capture import raised

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


class CardDeclined(Exception):
    pass


class Stolen(CardDeclined):
    pass


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    refusing._asked.clear()
    capture.forget_refusals()
    log_handler.forget()


@pytest.mark.parametrize("what", [CardDeclined, "tests.errors.test_refusing.CardDeclined"])
def test_ignored_class_and_its_subclasses(captured, what):
    error_tracker.ignore(what)
    error_tracker.track_error(raised(Stolen("x")))
    error_tracker.track_error(raised(ValueError("seen")))
    assert [error.message for error in captured] == ["seen"]


def test_ignored_logger_and_those_below(captured):
    error_tracker.ignore("noisy")
    handler = log_handler.ErrorHandler()
    for name in ("noisy", "noisy.part", "noisyless"):
        handler.handle(logging.LogRecord(name, logging.ERROR, "f.py", 1, f"from {name}", (), None))
    assert [error.message for error in captured] == ["from noisyless"]


def test_ignoring_stays_when_settings_change(captured):
    error_tracker.ignore(CardDeclined)
    with override_monitoring(ERRORS={"IGNORE": ["LookupError"]}):
        error_tracker.track_error(raised(CardDeclined("x")))
        error_tracker.track_error(raised(KeyError("x")))
    assert captured == []


@pytest.mark.parametrize("what", [5, "", ValueError("x"), int])
def test_anything_else_is_a_mistake_that_is_named(what):
    with pytest.raises(TypeError, match="ignore"):
        error_tracker.ignore(what)


seen: list[Event] = []


def change(event: Event) -> Event | None:
    seen.append(event)
    if event.message == "drop me":
        return None
    event.severity = AlertSeverity.LOW
    event.message = f"{event.message} (password=hush)"
    event.tags["team"] = "payments"
    event.context = {**(event.context or {}), "api_key": "hush"}
    event.leave_out |= {"locals"}
    return event


def broken(event: Event) -> Event:
    raise RuntimeError("the hook is broken")


class TestBeforeSend:
    def test_event_may_be_changed_and_is_redacted_after_it(self, captured):
        with override_monitoring(ERRORS={"BEFORE_SEND": f"{__name__}.change"}):
            error_tracker.track_error(raised(ValueError("seen")), context={"order": 1})
        (error,) = captured
        assert (error.message, error.severity) == ("seen (password=[redacted])", AlertSeverity.LOW)
        details = error.record["samples"][0]["details"]
        assert details["tags"] == {"team": "payments"}
        assert details["context"] == {"order": "1", "api_key": "[redacted]"}
        assert all("locals" not in frame for frame in details["exception"][0]["frames"])
        assert "hush" not in repr(error.record)
        assert isinstance(seen.pop().exception, ValueError)

    def test_event_may_be_dropped_and_then_does_not_count(self, captured):
        with override_monitoring(ERRORS={"BEFORE_SEND": f"{__name__}.change"}):
            error_tracker.track_error(raised(ValueError("drop me")))
        assert captured == []

    def test_hook_that_raises_is_reported_and_the_event_goes_on(self, captured):
        with override_monitoring(ERRORS={"BEFORE_SEND": f"{__name__}.broken"}):
            error_tracker.track_error(raised(ValueError("seen")))
        assert [error.message for error in captured] == ["seen"]
        assert guard.failures.pop("errors.before_send") == 1

    def test_hook_that_cannot_be_imported_is_reported_once(self, captured):
        with override_monitoring(ERRORS={"BEFORE_SEND": "no.such.function"}):
            for _ in range(2):
                error_tracker.track_error(raised(ValueError("seen")))
        assert len(captured) == 2
        assert guard.failures.pop("errors.before_send") == 1
