"""Errors are captured once, whatever raised them, without a query, a body read or an exception of ours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import AsyncClient, Client, override_settings

from artisan_monitoring import AlertSeverity, error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.errors import capture, samples

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

SITE_MIDDLEWARE = "tests.errors.site.FailingMiddleware"


def raised(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:
        return caught


def get_async(path: str) -> None:
    async_to_sync(AsyncClient(raise_request_exception=False).get)(path)


def details(error: capture.Captured) -> dict:
    return error.record["samples"][0]["details"]


def frames(error: capture.Captured) -> list[dict]:
    return details(error)["exception"][0]["frames"]


def own(error: capture.Captured) -> list[dict]:
    return [frame for frame in frames(error) if frame["in_app"]]


@pytest.mark.usefixtures("site")
class TestRequests:
    def test_view_is_captured_with_frames_source_locals_and_request(self, captured):
        Client(raise_request_exception=False).get("/fail/?page=2&api_token=tok_query_secret", HTTP_USER_AGENT="curl/8")
        (error,) = captured
        assert (error.type, error.message) == ("ValueError", "no such order 17")
        assert error.record["handled"] is False
        assert error.severity == AlertSeverity.HIGH
        assert error.record["culprit"] == "tests.errors.site in fail"
        frame = own(error)[-1]
        assert frame["source"][frame["line"] - frame["first_line"]].strip().startswith("raise ValueError")
        assert frame["locals"]["order"] == "{'number': 17, 'card_token': [redacted]}"
        request = details(error)["request"]
        assert request["path"] == "/fail/"
        assert ["page", "2"] in request["query"]
        assert ["User-Agent", "curl/8"] in request["headers"]
        assert "secret" not in repr(error.record)

    def test_async_view_is_captured_once(self, captured):
        get_async("/fail-async/")
        assert [error.message for error in captured] == ["no such order, async"]
        assert captured[0].record["culprit"] == "tests.errors.site in fail_async"

    def test_middleware_is_captured(self, captured):
        with override_settings(MIDDLEWARE=[SITE_MIDDLEWARE]):
            Client(raise_request_exception=False).get("/mw/")
        assert [(error.type, error.record["culprit"]) for error in captured] == [
            ("PermissionError", "tests.errors.site in FailingMiddleware.check")
        ]

    def test_async_middleware_is_captured(self, captured):
        with override_settings(MIDDLEWARE=[SITE_MIDDLEWARE]):
            get_async("/mw/")
        assert [error.type for error in captured] == ["PermissionError"]

    def test_what_django_answers_itself_is_no_error(self, captured):
        Client().get("/missing/")
        assert captured == []

    def test_middleware_that_only_calls_on_changes_no_fingerprint(self, captured):
        client = Client(raise_request_exception=False)
        client.get("/fail/")
        with override_settings(MIDDLEWARE=["tests.errors.site.PassingMiddleware"]):
            client.get("/fail/")
        assert captured[0].fingerprint == captured[1].fingerprint

    def test_numbers_in_a_message_make_no_new_group(self, captured):
        client = Client(raise_request_exception=False)
        client.get("/orders/1/")
        client.get("/orders/2/")
        assert captured[0].fingerprint == captured[1].fingerprint
        assert captured[1].record["samples"][0]["route"] == "/orders/<int:number>/"

    def test_template_line_is_shown_without_debug(self, captured):
        Client(raise_request_exception=False).get("/template/")
        files = {frame["file"]: frame for frame in frames(captured[0]) if frame["function"] == "template"}
        page = next(frame for file, frame in files.items() if file.endswith("page.html"))
        assert page["line"] == 5
        assert page["source"][page["line"] - page["first_line"]] == "<p>{{ broken }}</p>"

    def test_lazy_objects_are_not_evaluated(self, captured, executed):
        Client(raise_request_exception=False).get("/lazy/")
        assert executed == []
        shown = own(captured[0])[-1]["locals"]
        assert shown["users"] == "<QuerySet from User>"
        assert shown["first"] == "<auth.User pk=5>"

    def test_sensitive_variables_are_masked_also_below(self, captured):
        Client(raise_request_exception=False).get("/sensitive/")
        view, deeper = own(captured[0])[-2:]
        assert view["locals"]["card"] == deeper["locals"]["card"] == "[redacted]"
        assert view["locals"]["harmless"] == "'seen'"
        assert "visible-nowhere" not in repr([frame.get("locals") for frame in frames(captured[0])])

    def test_form_is_shown_as_parsed_with_sensitive_fields_masked(self, captured):
        Client(raise_request_exception=False).post("/post/", {"pin": "4711", "password": "hush", "name": "Ann"})
        form = details(captured[0])["request"]["form"]
        assert form == [["pin", "[redacted]"], ["password", "[redacted]"], ["name", "Ann"]]

    def test_unread_body_is_left_alone(self, captured):
        Client(raise_request_exception=False).post("/unread/", {"name": "Ann"})
        assert "form" not in details(captured[0])["request"]

    def test_json_body_that_was_read_is_shown_redacted(self, captured, rf):
        request = rf.post("/api/", b'{"sku": 1, "client_secret": "hush"}', content_type="application/json")
        assert request.body
        error_tracker.track_error(raised(ValueError("x")), request=request)
        body = details(captured[0])["request"]["json"]
        assert '"sku": 1' in body
        assert "hush" not in body

    def test_user_is_named_only_if_loaded(self, captured, rf):
        request = rf.get("/")
        error_tracker.track_error(raised(ValueError("x")), request=request)
        request._cached_user = User(pk=7)
        error_tracker.track_error(raised(ValueError("y")), request=request)
        assert [error.record["users"] for error in captured] == [{}, {"7": 1}]

    def test_request_id_and_trace_id_come_from_the_context(self, captured):
        context.request_id.set("req-1")
        context.trace_id.set("a" * 32)
        error_tracker.track_error(raised(ValueError("x")))
        sample = captured[0].record["samples"][0]
        assert (sample["request_id"], sample["trace_id"]) == ("req-1", "a" * 32)


class TestOnce:
    def test_tracked_then_unhandled_counts_once(self, captured):
        context.request_id.set("req-1")
        exc = raised(ValueError("x"))
        error_tracker.track_error(exc)
        capture.capture_exception(exc, handled=False, mechanism="request")
        assert len(captured) == 1

    def test_exception_kept_in_a_module_counts_in_each_request(self, captured):
        exc = ValueError("kept")
        for request_id in ("one", "two", "three"):
            context.request_id.set(request_id)
            error_tracker.track_error(raised(exc))
        assert len(captured) == 3

    def test_exception_that_refuses_attributes_is_marked_all_the_same(self, captured):
        class Frozen(Exception):
            __slots__ = ()

            def __setattr__(self, name, value):
                raise TypeError("frozen")

        exc = raised(Frozen("x"))
        error_tracker.track_error(exc)
        error_tracker.track_error(exc)
        assert len(captured) == 1

    def test_ignored_classes_are_not_recorded(self, captured):
        with override_settings(ARTISAN_MONITORING={"ERRORS": {"IGNORE": ["LookupError"]}}):
            error_tracker.track_error(raised(KeyError("x")))
        assert captured == []

    def test_nothing_is_recorded_when_disabled(self, captured):
        with override_settings(ARTISAN_MONITORING={"ENABLED": False}):
            error_tracker.track_error(raised(KeyError("x")))
        assert captured == []


class TestHostile:
    def test_broken_str(self, captured):
        class Broken(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        error_tracker.track_error(raised(Broken()))
        assert (
            captured[0].message
            == "<broken __str__ of tests.errors.test_capture.TestHostile.test_broken_str.<locals>.Broken>"
        )

    def test_attributes_that_raise(self, captured):
        class Closed(Exception):
            def __getattribute__(self, name):
                raise RuntimeError("keep out")

        error_tracker.track_error(raised(Closed("x")))
        assert len(captured) == 1

    def test_str_that_would_query(self, captured, executed):
        class Curious(Exception):
            def __str__(self):
                return str(User.objects.count())

        error_tracker.track_error(raised(Curious()))
        assert executed == []
        assert captured[0].message.startswith("<broken __str__")

    def test_local_that_would_query_and_those_beside_it(self, captured, executed):
        class Curious:
            def __repr__(self):
                return f"<{User.objects.count()} users>"

        def view():
            curious, beside = Curious(), "shown"  # noqa: F841
            raise ValueError("x")

        error_tracker.track_error(caught(view))
        assert executed == []
        shown = own(captured[0])[-1]["locals"]
        assert shown["curious"] == "<broken repr of Curious>"
        assert shown["beside"] == "'shown'"

    def test_text_that_databases_refuse_is_cleaned(self, captured, store):
        error_tracker.track_error(raised(ValueError("nul \x00 and \udc80")), context={"a\x00": "b\ud800"})
        store(*captured)
        assert captured[0].message == "nul \ufffd and \\udc80"

    def test_not_an_exception_does_not_raise(self, captured):
        from artisan_monitoring.core import guard

        error_tracker.track_error("not an exception")  # type: ignore[arg-type]
        assert captured == []
        assert guard.failures.pop("errors.capture") == 1

    def test_sample_stays_below_64_kib(self, captured):
        import json

        def deep(level: int, blob: str) -> None:
            big = {str(n): blob * 50 for n in range(50)}  # noqa: F841
            if level:
                deep(level - 1, blob + str(level))
            raise ValueError(blob * 5_000)

        error_tracker.track_error(caught(lambda: deep(60, "ä€x")), context={str(n): "€" * 5_000 for n in range(60)})
        assert len(json.dumps(captured[0].record["samples"][0], ensure_ascii=False).encode()) <= 64 * 1024


@pytest.fixture
def executed(db) -> Iterator[list[str]]:
    """The statements that reach SQLite itself: Django's own log would also show those that were refused."""
    connection.ensure_connection()
    statements: list[str] = []
    connection.connection.set_trace_callback(statements.append)
    yield statements
    connection.connection.set_trace_callback(None)


def caught(function) -> BaseException:
    try:
        function()
    except BaseException as exc:
        return exc
    raise AssertionError("did not raise")


class TestShapes:
    def test_cause_context_and_notes(self, captured):
        def fail():
            try:
                {}["missing"]
            except KeyError as exc:
                raise ValueError("bad order") from exc

        exc = caught(fail)
        exc.add_note("while closing the day")
        error_tracker.track_error(exc)
        first, second = details(captured[0])["exception"]
        assert first["notes"] == ["while closing the day"]
        assert (second["type"], second["relation"], second["parent"]) == ("KeyError", "cause", 0)

    def test_suppressed_context_is_left_out(self, captured):
        def fail():
            try:
                {}["missing"]
            except KeyError:
                raise ValueError("bad order") from None

        error_tracker.track_error(caught(fail))
        assert len(details(captured[0])["exception"]) == 1

    def test_exception_group_shows_members_and_groups_whatever_their_number(self, captured):
        def fail(number: int):
            raise ExceptionGroup("several", [raised(ValueError("one")) for _ in range(number)])

        for number in (2, 4):
            error_tracker.track_error(caught(lambda number=number: fail(number)))
        assert [each["relation"] for each in details(captured[0])["exception"]] == ["raised", "member", "member"]
        assert captured[0].record["components"] == captured[1].record["components"]

    def test_recursion_is_folded_and_one_group_at_any_depth(self, captured):
        def down(level: int) -> int:
            if level == 0:
                return 1 // level
            return down(level - 1)

        for depth in (200, 301):
            error_tracker.track_error(caught(lambda depth=depth: down(depth)))
        repeated = [frame for frame in own(captured[0]) if frame.get("repeated")]
        assert [frame["repeated"] for frame in repeated] == [200]
        assert captured[0].fingerprint == captured[1].fingerprint

    def test_syntax_error_shows_its_own_line(self, captured, tmp_path):
        broken = tmp_path / "broken.py"
        broken.write_text("ok = 1\nnot python at all\n")
        error_tracker.track_error(caught(lambda: compile(broken.read_text(), str(broken), "exec")))
        last = frames(captured[0])[-1]
        assert (last["line"], last["source"][1]) == (2, "not python at all")

    def test_never_raised_shows_where_it_was_tracked(self, captured):
        error_tracker.track_error(ValueError("made, not raised"))
        assert captured[0].record["culprit"].startswith("tests.errors.test_capture in TestShapes.test_never_raised")

    def test_thread(self, captured):
        thread = threading.Thread(
            target=lambda: error_tracker.track_error(raised(ValueError("in a thread"))), name="t-1"
        )
        thread.start()
        thread.join()
        assert details(captured[0])["runtime"]["thread"] == "t-1"

    def test_awaited(self, captured):
        async def run():
            await error_tracker.track_error(raised(ValueError("x")), AlertSeverity.CRITICAL)

        asyncio.run(run())
        assert captured[0].severity == AlertSeverity.CRITICAL

    def test_context_is_redacted(self, captured):
        error_tracker.track_error(raised(ValueError("x")), context={"operation": "signup", "api_key": "hush"})
        assert details(captured[0])["context"] == {"operation": "signup", "api_key": "[redacted]"}

    def test_password_in_a_message_is_redacted(self, captured):
        error_tracker.track_error(raised(ValueError("cannot reach postgres://shop:hush@db/shop")))
        assert "hush" not in repr(captured[0].record)

    def test_parameters_of_a_failed_query_are_in_no_frame(self, captured):
        with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table WHERE name = %s", ["hidden"])
        error_tracker.track_error(caught.value)
        shown = [frame["locals"] for frame in frames(captured[0]) if not frame["in_app"] and "locals" in frame]
        assert "SELECT * FROM no_such_table WHERE name = %s" in repr(shown)
        assert "hidden" not in repr(shown)


class TestSampling:
    def test_first_three_are_full_then_growing_steps_and_all_are_counted(self, captured):
        for _ in range(100):
            error_tracker.track_error(raised(ValueError("again")))
        full = [number for number, error in enumerate(captured, 1) if error.record["samples"]]
        assert full == [1, 2, 3, 10, 30, 100]
        assert len(captured) == 100

    def test_too_many_different_errors_are_counted_as_one(self, captured):
        for number in range(150):
            exc = type(f"Error{number}", (Exception,), {})("x")
            error_tracker.track_error(raised(exc))
        assert len({error.fingerprint for error in captured}) == 51
        assert sum(error.record["count"] for error in captured) == 150
        assert captured[-1].type == "too many different errors"

    def test_occurrences_merge_in_the_buffer(self):
        from artisan_monitoring.pipeline.buffer import buffer

        buffer.swap()
        for _ in range(5):
            error_tracker.track_error(raised(ValueError("again")))
        (record,) = buffer.swap().merged["error"].by_key.values()
        assert record["count"] == 5
        assert sum(record["hours"].values()) == 5
        assert len(record["samples"]) == 3


class TestBudget:
    def test_slow_reprs_end_the_variables_and_a_busy_machine_does_not(self, monkeypatch):
        now = {"wall": 100.0, "busy": 5.0}
        monkeypatch.setattr(samples.time, "perf_counter", lambda: now["wall"])
        monkeypatch.setattr(samples.time, "thread_time", lambda: now["busy"])
        budget = samples.Budget(until=now["wall"] + samples.LOCALS_BUDGET_S, _used=now["busy"])
        assert not budget.spent()
        now["wall"] += 0.1
        assert not budget.spent()
        now["busy"] += 0.03
        assert budget.spent()
        now["busy"] -= 0.03
        now["wall"] += 0.2
        assert budget.spent()
