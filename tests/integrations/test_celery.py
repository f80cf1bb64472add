"""Celery by its signals: context in messages and tasks, durations, errors, heartbeats; all in this process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from celery import Celery, signals
from celery.app.trace import trace_task
from celery.exceptions import Ignore, Retry
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from artisan_monitoring.core import context
from artisan_monitoring.errors.capture import Captured
from artisan_monitoring.errors.log_handler import ErrorHandler
from artisan_monitoring.integrations import celery as integration
from artisan_monitoring.integrations import celery_heartbeat as heartbeat
from artisan_monitoring.integrations import celery_wake, wiring
from artisan_monitoring.logs.forwarding import ForwardingHandler
from artisan_monitoring.logs.handlers import StdoutHandler
from artisan_monitoring.pipeline import wake
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import capture_errors, capture_metrics, override_monitoring

DURATION = "messaging.process.duration"
Run = Callable[..., Any]


@pytest.fixture
def app() -> Iterator[Celery]:
    """An app of its own: nothing of it leaks into other tests."""
    made = Celery("tests", broker="memory://", backend="cache+memory://", set_as_current=False)
    made.conf.task_ignore_result = True
    integration.connect()
    yield made
    made.close()


@pytest.fixture
def run(app: Celery) -> Iterator[Run]:
    """A function that runs a task as a worker does: `run(task, headers={...})`."""
    context.clear()
    context.observation.set(None)

    def execute(task: Any, *args: object, headers: dict[str, object] | None = None, **request: object) -> Any:
        # What a worker makes of a message: its headers stand beside the task's own attributes.
        made = {
            "id": "task-1",
            "delivery_info": {"routing_key": "orders"},
            "hostname": "worker@tests",
            "is_eager": False,
            **(headers or {}),
            **request,
        }
        return trace_task(task, "task-1", args, {}, request=made, app=app)

    yield execute
    context.clear()


@pytest.fixture
def captured() -> Iterator[list[Captured]]:
    """The errors captured in the test."""
    with capture_errors() as found:
        yield found


def test_publishing_puts_the_context_into_the_message() -> None:
    context.request_id.set("request-0001")
    context.trace_id.set("a" * 32)
    context.client.set("203.0.113.9")
    headers: dict[str, Any] = {"task": "shop.confirm"}
    before = time.time()
    integration.put_context(headers=headers)
    sent_at = headers["artisan"].pop("sent_at")
    assert before <= sent_at <= time.time()
    assert headers["artisan"] == {"request_id": "request-0001", "trace_id": "a" * 32}
    integration.put_context(headers=None)
    context.clear()


def test_task_runs_in_the_publishers_context_and_leaves_none_behind(app: Celery, run: Run) -> None:
    seen: list[dict[str, str]] = []

    @app.task(name="shop.seen")
    def look() -> None:
        seen.append(context.current())
        observation = context.observation.get()
        assert observation is not None
        assert (observation.kind, observation.route, observation.parent_span_id) == ("task", "shop.seen", "b" * 16)

    carried = {"request_id": "request-0001", "trace_id": "a" * 32, "span_id": "b" * 16, "user_pk": "7"}
    run(look, headers={"artisan": carried})
    [found] = seen
    span = found.pop("span_id")
    assert span != "b" * 16
    assert len(span) == 16
    assert found == {"request_id": "request-0001", "trace_id": "a" * 32, "user_pk": "7", "task": "shop.seen"}
    assert context.current() == {}
    assert context.observation.get() is None


@pytest.mark.parametrize(
    "carried",
    [
        None,
        "text",
        {"request_id": "forged\nline", "trace_id": 5, "span_id": ["x"], "user_pk": "x" * 129, "sent_at": "soon"},
        {"request_id": "", "trace_id": "\x1b[31m"},
    ],
)
def test_header_that_is_none_of_ours_is_not_believed(app: Celery, run: Run, carried: object) -> None:
    seen: list[dict[str, str]] = []

    @app.task(name="shop.wary")
    def look() -> None:
        seen.append(context.current())

    run(look, headers={"artisan": carried})
    assert set(seen[0]) == {"request_id", "trace_id", "span_id", "task"}
    assert all(value.isprintable() and len(value) <= 128 for value in seen[0].values())
    assert "forged" not in seen[0]["request_id"]


def test_duration_is_recorded_with_queue_task_and_outcome(app: Celery, run: Run) -> None:
    @app.task(name="shop.works")
    def works() -> None:
        time.sleep(0.01)

    with capture_metrics() as metrics:
        run(works, headers={"artisan": {"sent_at": time.time() - 2.0}})
        cell = metrics.cell(DURATION, messaging__operation__name="shop.works", artisan__outcome="success")
        assert cell.count == 1
        assert 0.01 <= cell.sum < 1.0
        assert metrics.count(DURATION, messaging__destination__name="orders", messaging__system="celery") == 1
        assert 2.0 <= metrics.sum("artisan.task.queue_wait", messaging__destination__name="orders") < 3.0


@pytest.mark.parametrize(
    ("raised", "outcome", "error_type"),
    [
        (ValueError("bad"), "failure", "ValueError"),
        (Retry("later"), "retry", None),
        (Ignore(), "ignored", None),
    ],
)
def test_outcomes_and_what_is_an_error(
    app: Celery,
    run: Run,
    captured: list[Captured],
    raised: Exception,
    outcome: str,
    error_type: str | None,
) -> None:
    @app.task(name=f"shop.{outcome}")
    def fails() -> None:
        raise raised

    with capture_metrics() as metrics:
        run(fails)
        [series] = metrics.series(DURATION)
    tags = dict(series.tags)
    assert tags["artisan.outcome"] == outcome
    assert tags.get("error.type") == error_type
    assert len(captured) == (1 if error_type else 0)


def test_failure_is_one_error_with_the_tasks_context(app: Celery, run: Run, captured: list[Captured]) -> None:
    @app.task(name="shop.breaks")
    def breaks() -> None:
        raise LookupError("no such order")

    run(breaks, headers={"artisan": {"request_id": "request-0002"}}, retries=2)
    [error] = captured
    assert (error.type, error.record["mechanism"], error.severity) == ("LookupError", "celery", "HIGH")
    [sample] = error.record["samples"]
    assert (sample["request_id"], sample["route"]) == ("request-0002", "shop.breaks")
    text = str(sample["details"])
    assert "shop.breaks" in text
    assert "no such order" in text
    assert "'retries': 2" in text


def test_retry_is_told_apart_and_recorded_only_where_asked_for(app: Celery, run: Run, captured: list[Captured]) -> None:
    @app.task(name="shop.retries", bind=True, max_retries=3)
    def retries(self: Any) -> None:
        try:
            raise ConnectionError("the line is busy")
        except ConnectionError as exc:
            raise Retry("later", exc) from exc

    run(retries, retries=1)
    assert captured == []
    with override_monitoring(ERRORS={"RETRIES": True}):
        run(retries, retries=1)
    [error] = captured
    assert (error.type, error.record["mechanism"], error.severity) == ("ConnectionError", "celery_retry", "LOW")
    assert error.record["handled"] is True
    context = error.record["samples"][0]["details"]["context"]
    assert (context["retries"], context["max_retries"]) == ("1", "3")


def test_root_logger_that_celery_has_emptied_is_listened_to_again(app: Celery) -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers[:] = []
    try:
        signals.after_setup_logger.send(sender=None, logger=root, loglevel=20, logfile=None, format="", colorize=False)
        assert any(isinstance(handler, ErrorHandler) for handler in root.handlers)
    finally:
        root.handlers[:] = before


def test_a_lost_child_is_told_once_though_celery_signals_it_twice(app: Celery, captured: list[Captured]) -> None:
    @app.task(name="shop.lost")
    def lost() -> None:
        pass

    context.clear()
    for task_id in ("lost-1", "lost-1", "lost-2"):
        integration.capture(sender=lost, exception=TimeoutError(task_id), task_id=task_id)
    assert [error.message for error in captured] == ["lost-1", "lost-2"]


def test_exception_that_the_task_declares_is_no_error(app: Celery, run: Run, captured: list[Captured]) -> None:
    @app.task(name="shop.expected", throws=(KeyError,))
    def expected() -> None:
        raise KeyError("as always")

    run(expected)
    assert captured == []


def test_eager_task_keeps_the_request_it_runs_in(app: Celery, run: Run) -> None:
    seen: list[dict[str, str]] = []

    @app.task(name="shop.eager")
    def look() -> None:
        seen.append(context.current())

    context.request_id.set("request-0003")
    context.client.set("203.0.113.9")
    look.apply()
    assert seen[0]["request_id"] == "request-0003"
    assert seen[0]["client"] == "203.0.113.9"
    assert seen[0]["task"] == "shop.eager"
    assert context.current() == {"request_id": "request-0003", "client": "203.0.113.9"}


def test_eager_retry_inside_its_first_run_restores_both_contexts(app: Celery, run: Run) -> None:
    runs: list[int] = []

    @app.task(name="shop.again", bind=True, max_retries=1)
    def again(self: Any) -> None:
        runs.append(self.request.retries)
        if not self.request.retries:
            raise self.retry(countdown=0)

    context.request_id.set("request-0004")
    with capture_metrics() as metrics:
        again.apply()
        assert metrics.count(DURATION, messaging__operation__name="shop.again") == 2
    assert runs == [0, 1]
    assert context.current() == {"request_id": "request-0004"}


def test_a_task_within_a_task_leaves_the_outer_ones_context_alone(app: Celery, run: Run) -> None:
    seen: list[str] = []

    @app.task(name="shop.inner")
    def inner() -> None:
        seen.append(str(context.task.get()))

    @app.task(name="shop.outer")
    def outer() -> None:
        inner.apply()
        seen.append(str(context.task.get()))

    run(outer)
    assert seen == ["shop.inner", "shop.outer"]


def test_our_own_jobs_make_neither_task_metrics_nor_errors(app: Celery, run: Run, captured: list[Captured]) -> None:
    @app.task(name="artisan_monitoring.tasks.made_up")
    def job() -> None:
        raise OSError("the store is away")

    with capture_metrics() as metrics:
        run(job)
        assert DURATION not in metrics.names()
    assert captured == []


def test_monitoring_that_breaks_breaks_no_task(app: Celery, run: Run) -> None:
    ran: list[bool] = []

    @app.task(name="shop.robust")
    def robust() -> None:
        ran.append(True)

    broken = mock.Mock(side_effect=RuntimeError("ours"))
    with (
        mock.patch.object(integration, "_bind", broken),
        mock.patch.object(integration, "_record", broken),
        mock.patch.object(integration, "_carried", broken),
    ):
        run(robust)
        integration.put_context(headers=mock.MagicMock(__setitem__=broken))
    assert ran == [True]


def test_disabled_monitoring_touches_nothing(app: Celery, run: Run, settings: Settings) -> None:
    settings.ARTISAN_MONITORING = django_settings.ARTISAN_MONITORING | {"ENABLED": False}
    seen: list[dict[str, str]] = []

    @app.task(name="shop.off")
    def look() -> None:
        seen.append(context.current())

    headers: dict[str, Any] = {}
    integration.put_context(headers=headers)
    run(look, headers={"artisan": {"request_id": "request-0005"}})
    assert headers == {}
    assert seen == [{}]


def test_connecting_waits_for_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock.patch.object(integration, "connect") as connect:
        wiring.connect()
        assert connect.call_count == 1
        monkeypatch.delitem(wiring.sys.modules, "celery")
        wiring.connect()
        assert connect.call_count == 1


class TestHeartbeat:
    @pytest.fixture(autouse=True)
    def recording(self, settings: Settings, transactional_db: None) -> Iterator[None]:
        settings.ARTISAN_MONITORING = django_settings.ARTISAN_MONITORING | {
            "IN_TESTS": True,
            "FLUSH": "request_finished",
            "HOUSEKEEPING": "off",
        }
        yield
        heartbeat.stop()

    pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

    def consumer(self) -> mock.Mock:
        queue = mock.Mock()
        queue.name = "celery"
        made = mock.Mock(hostname="worker@tests", controller=mock.Mock(concurrency=4))
        made.task_consumer.queues = [queue]
        made.pool = type("TaskPool", (), {"__module__": "celery.concurrency.prefork"})()
        return made

    def test_worker_tells_that_it_lives_and_takes_it_back_at_its_end(self) -> None:
        heartbeat.start(sender=self.consumer())
        for _ in range(100):
            if "worker@tests" in get_store().notes("worker"):
                break
            time.sleep(0.05)
        note = get_store().notes("worker")["worker@tests"].value
        assert (note["pool"], note["concurrency"], note["queues"], note["state"]) == ("prefork", 4, ["celery"], "ready")
        heartbeat.stop()
        time.sleep(0.01)
        assert get_store().notes("worker") == {}

    @pytest.mark.parametrize(("pool", "told"), [("prefork", False), ("solo", True)])
    def test_a_stuck_event_loop_is_not_told_alive_unless_a_solo_worker_is_busy(self, pool: str, told: bool) -> None:
        heart = heartbeat.Heart({"hostname": "w", "pool": pool})
        heart.loop_at = time.monotonic() - 61
        heart.beat()
        assert ("w" in get_store().notes("worker")) is told
        heart.loop_at = time.monotonic() - 1
        heart.beat()
        assert get_store().notes("worker")["w"].value["loop_age_s"] == pytest.approx(1.0, abs=0.5)

    def test_a_job_that_beat_sent_shows_that_beat_lives(self, app: Celery, run: Run) -> None:
        @app.task(name="artisan_monitoring.tasks.tick")
        def job() -> None:
            pass

        run(job)
        assert get_store().notes("beat") == {}
        with mock.patch.object(heartbeat, "_beat_noted_at", -1e9):
            run(job, headers={heartbeat.BEAT_HEADER: True})
        assert get_store().notes("beat")["tick"].value == {"seen_by": "worker@tests"}


class TestWake:
    @pytest.fixture(autouse=True)
    def fresh(self, app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(celery_wake, "_app", app)
        monkeypatch.setattr(celery_wake, "_sent_at", -1e9)

    def test_it_is_among_the_hooks_once(self) -> None:
        integration.connect()
        integration.connect()
        assert wake.hooks.count(celery_wake.send_drain) == 1

    def test_urgent_batches_are_announced_at_most_once_a_second(self, app: Celery) -> None:
        entry = {"task": "artisan_monitoring.tasks.drain", "schedule": 5.0, "options": {"queue": "monitoring"}}
        app.conf.beat_schedule = {"drain": entry}
        with mock.patch.object(app, "send_task") as send_task:
            celery_wake.send_drain()
            celery_wake.send_drain()
        send_task.assert_called_once_with(
            "artisan_monitoring.tasks.drain", expires=5.0, retry=False, ignore_result=True, queue="monitoring"
        )

    def test_without_our_schedule_no_message_piles_up(self, app: Celery) -> None:
        with mock.patch.object(app, "send_task") as send_task:
            celery_wake.send_drain()
        assert not send_task.called

    def test_a_broker_that_is_away_is_no_concern_of_the_flusher(self, app: Celery) -> None:
        app.conf.beat_schedule = {"drain": {"task": "artisan_monitoring.tasks.drain"}}
        with mock.patch.object(app, "send_task", side_effect=OSError("refused")):
            celery_wake.send_drain()


def test_celery_leaves_the_projects_log_handlers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handler = StdoutHandler()
    monkeypatch.setattr(root, "handlers", [handler])
    integration.connect()
    try:
        app = Celery("logging", broker="memory://", set_as_current=False)
        app.log.setup_logging_subsystem(loglevel="INFO")
        assert root.handlers == [handler]
    finally:
        signals.setup_logging.disconnect(integration.keep_logging, dispatch_uid="artisan_monitoring.keep_logging")


def test_a_handler_that_only_exports_is_no_logging_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [ForwardingHandler(lambda line, level: None, 20, without="")])
    assert not integration.writes_our_lines()


def test_where_tasks_run_at_once_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    eager = Celery("eager", broker="memory://", set_as_current=False)
    eager.conf.task_always_eager = True
    eager.conf.beat_schedule = {"drain": {"task": celery_wake.DRAIN, "schedule": 5}}
    sent: list[object] = []
    monkeypatch.setattr(eager, "send_task", lambda *args, **kwargs: sent.append(args))
    monkeypatch.setattr(celery_wake, "_app", eager)
    monkeypatch.setattr(celery_wake, "_sent_at", 0.0)

    celery_wake.send_drain()

    assert sent == []


def test_a_workers_queries_are_measured_where_the_sites_are(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(wiring.recorder, "enable", lambda: calls.append("enabled"))
    wiring.connect()
    assert calls == ["enabled"]

    monkeypatch.setattr(wiring.settings, "MIDDLEWARE", [])
    wiring.connect()
    assert calls == ["enabled"]
