"""Log records of level ERROR are errors, once, and every record of a request is on its trail."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from artisan_monitoring import AlertSeverity, error_tracker, logger
from artisan_monitoring.core import context
from artisan_monitoring.errors import capture
from artisan_monitoring.errors.log_handler import ErrorHandler, listen
from artisan_monitoring.logs import access as log_access
from artisan_monitoring.testing import override_monitoring

from .test_capture import details, raised

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])
shop = logging.getLogger("shop.payments")


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    listen()
    yield
    root.handlers[:] = before


def heard(level: int, message: str, *args: object) -> None:
    """Have the handler alone hear of a record: pytest's own would format what must be left as it is."""
    ErrorHandler().handle(logging.LogRecord(shop.name, level, "shop.py", 1, message, args, None))


class TestErrors:
    def test_error_without_exception_is_grouped_by_its_template(self, captured):
        for order in ("A-1", "A-2"):
            shop.error("Provider refused %s after %d tries", order, 3, extra={"provider": "cards", "api_key": "hush"})
        first, second = captured
        assert first.message == "Provider refused A-1 after 3 tries"
        assert (first.type, first.record["mechanism"], first.severity) == ("shop.payments", "log", "MEDIUM")
        assert first.record["culprit"] == (
            "tests.errors.test_log_handler in TestErrors.test_error_without_exception_is_grouped_by_its_template"
        )
        assert first.fingerprint == second.fingerprint
        assert first.record["components"][0] == "logged by shop.payments"
        assert details(first)["context"] == {"provider": "cards", "api_key": "[redacted]"}
        assert details(first)["exception"][0]["frames"][-1]["function"].endswith("grouped_by_its_template")

    def test_template_without_words_is_no_group(self, captured):
        shop.error("%s", "the bank is closed")
        shop.error("%s", "the card is stolen")
        assert captured[0].fingerprint != captured[1].fingerprint

    def test_formatted_message_groups_without_what_varies(self, captured):
        for number in (17, 18):
            shop.error(f"order {number} is gone")
        assert captured[0].fingerprint == captured[1].fingerprint

    def test_exception_info_makes_it_that_exception(self, captured):
        try:
            raise LookupError("no such order")
        except LookupError:
            shop.exception("could not ship %s", "A-1")
        (error,) = captured
        assert (error.type, error.message, error.record["logger"]) == ("LookupError", "no such order", "shop.payments")
        assert details(error)["context"]["logged"] == "could not ship A-1"

    def test_logged_then_tracked_then_unhandled_is_one(self, captured):
        context.request_id.set("req-1")
        exc = raised(ValueError("x"))
        shop.error("failed", exc_info=exc)
        error_tracker.track_error(exc)
        capture.capture_exception(exc, handled=False, mechanism="request")
        assert len(captured) == 1

    def test_own_logger_with_fields(self, captured):
        logger.error("Card declined", order="A-1", password="hush")
        assert details(captured[0])["context"] == {"order": "A-1", "password": "[redacted]"}

    def test_critical_is_critical(self, captured):
        shop.critical("the vault is open")
        assert captured[0].severity == AlertSeverity.CRITICAL

    @pytest.mark.usefixtures("site")
    def test_failing_view_is_not_counted_a_second_time_by_django_request(self, captured):
        Client(raise_request_exception=False).get("/fail/")
        assert [error.record["mechanism"] for error in captured] == ["request"]

    def test_what_is_below_the_level_or_ours_is_none(self, captured):
        shop.warning("late")
        logging.getLogger("artisan_monitoring.alerts").error("ours")
        logging.getLogger("django.security.DisallowedHost").error("not from here")
        assert captured == []

    @pytest.mark.parametrize(("level", "count"), [("WARNING", 1), ("", 0)])
    def test_level_is_a_setting(self, captured, level, count):
        with override_monitoring(ERRORS={"LOGS": level}):
            shop.warning("late")
        assert len(captured) == count

    def test_record_heard_by_two_handlers_is_one(self, captured):
        shop.addHandler(second := ErrorHandler())
        try:
            shop.error("twice heard")
        finally:
            shop.removeHandler(second)
        assert len(captured) == 1

    def test_repr_that_logs_an_error_ends(self, captured):
        class Chatty:
            def __repr__(self):
                shop.error("I was looked at")
                return "<Chatty>"

        chatty = Chatty()  # noqa: F841
        shop.error("look around")
        assert [error.message for error in captured] == ["look around"]

    def test_message_that_does_not_fit_its_arguments(self, captured):
        heard(logging.ERROR, "%d orders", "many")
        assert captured[0].message == "%d orders"

    def test_nothing_lazy_is_evaluated_for_a_message(self, captured):
        connection.ensure_connection()
        statements: list[str] = []
        connection.connection.set_trace_callback(statements.append)
        try:
            heard(logging.ERROR, "saw %s", User.objects.all())
        finally:
            connection.connection.set_trace_callback(None)
        assert captured[0].message == "saw <QuerySet from User>"
        assert statements == []


class TestHost:
    def test_what_python_prints_for_a_bare_root_is_still_printed(self, capsys):
        root = logging.getLogger()
        root.handlers[:] = []
        listen()
        bare = logging.getLogger("bare.host")
        bare.warning("somebody should see this")
        bare.info("nobody asked for this")
        assert capsys.readouterr().err == "somebody should see this\n"

    def test_first_request_of_a_process_puts_it_on_a_bare_root(self):
        root = logging.getLogger()
        root.handlers[:] = []
        Client().get("/nothing-here/")
        assert any(isinstance(handler, ErrorHandler) for handler in root.handlers)

    def test_access_log_passes_it_by(self):
        access = logging.getLogger("artisan_monitoring.access")
        assert any(isinstance(handler, ErrorHandler) for handler in logging.getLogger().handlers)
        plan = log_access._Plan(logging.ERROR)
        assert access.propagate
        assert not any(isinstance(handler, ErrorHandler) for handler in plan.handlers)

    def test_once_on_the_root(self):
        listen()
        listen()
        assert sum(isinstance(handler, ErrorHandler) for handler in logging.getLogger().handlers) == 1

    def test_may_be_named_in_logging(self):
        import logging.config

        config = {"version": 1, "disable_existing_loggers": False}
        config["handlers"] = {"errors": {"class": "artisan_monitoring.errors.log_handler.ErrorHandler"}}
        config["loggers"] = {"apart": {"handlers": ["errors"], "propagate": False}}
        logging.config.dictConfig(config)
        with override_settings():
            assert isinstance(logging.getLogger("apart").handlers[0], ErrorHandler)
        logging.getLogger("apart").handlers.clear()
