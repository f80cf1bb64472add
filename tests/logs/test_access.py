"""The access log's short way writes what the long way writes, and stands aside where anybody has a say."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artisan_monitoring.core import context as core_context
from artisan_monitoring.core.context import Observation
from artisan_monitoring.logs import JsonFormatter, access, context, counters
from artisan_monitoring.logs.access import fields_of, log_request
from artisan_monitoring.logs.handlers import DailyFileHandler, StdoutHandler
from artisan_monitoring.logs.logger import access_logger, log_access
from artisan_monitoring.logs.nonblocking import NonBlockingHandler
from artisan_monitoring.testing import override_monitoring
from tests.logs.conftest import strict


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the access logger writes through one of our handlers and nobody else."""
    made = io.StringIO()
    handler = StdoutHandler(made)
    handler.setFormatter(JsonFormatter("test"))
    factory = logging.getLogRecordFactory()
    context.install()
    monkeypatch.setattr(access_logger, "handlers", [handler])
    monkeypatch.setattr(access_logger, "addHandler", lambda handler: None)  # pytest would add its own
    monkeypatch.setattr(access_logger, "propagate", False)
    level = access_logger.level
    access_logger.setLevel(logging.INFO)
    yield made
    access_logger.setLevel(level)
    logging.setLogRecordFactory(factory)


def taken(stream: io.StringIO) -> str:
    text = stream.getvalue()
    stream.truncate(stream.seek(0))
    return text


def seen(**attributes: object) -> Observation:
    made = Observation()
    made.request_id, made.trace_id, made.span_id, made.client_shown = "r" * 32, "t" * 32, "s" * 16, "192.0.2.0"
    made.method, made.path, made.route, made.status = "GET", "/a/5/", "/a/<int:pk>/", 200
    made.elapsed_s, made.size_bytes, made.user_agent = 0.0123456, 17, "tests/1.0"
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def both(stream: io.StringIO, request: Observation, level: int = logging.INFO) -> tuple[dict, dict]:
    """Return the line of each way, without its time."""
    with core_context.within(request):
        log_request(level, request)
        short = strict(taken(stream).removesuffix("\n"))
        log_access(level, f"{request.method} {request.path} {request.status}", fields_of(request))
        long = strict(taken(stream).removesuffix("\n"))
    assert len(str(short.pop("timestamp"))) == len(str(long.pop("timestamp")))
    return short, long


texts = st.text(max_size=400) | st.sampled_from(["", "\x7f", "\ud800", '"\\', "\r\n", "/reset/?token=hunter2", "€😀"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    path=texts, agent=texts, method=st.sampled_from(["GET", "BREW"]) | st.text(max_size=50), error=texts, user=texts,
    status=st.sampled_from([0, 200, 404, 500]), level=st.sampled_from([20, 30, 40]), size=st.integers(-1, 2**40),
    queries=st.integers(0, 3), elapsed=st.floats(0, 1e6),
)  # fmt: skip
@example("/a/", "Bearer abcdefgh.ijklmnop", "GET", "", "7", 200, 20, -1, 0, 0.0)
@example("/" + "€" * 299, "x", "GET", "y" * 9_000, "z" * 9_000, 500, 40, 0, 2, 1e-9)
def test_short_and_long_way_write_the_same(
    stream: io.StringIO, path: str, agent: str, method: str, error: str, user: str, status: int, level: int, size: int,
    queries: int, elapsed: float,
) -> None:  # fmt: skip
    request = seen(
        path=path, user_agent=agent[:200], method=method, error_type=error, user_pk=user or None, status=status,
        size_bytes=size, query_count=queries, query_time_s=elapsed / 3, elapsed_s=elapsed,
    )  # fmt: skip
    short, long = both(stream, request, level)
    assert short == long


def refuse(*args: object, **kwargs: object) -> None:
    raise AssertionError("the other way")


def test_a_plain_request_takes_the_short_way(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "log_access", refuse)
    before = counters.records["INFO"]
    log_request(logging.INFO, seen())
    line = strict(taken(stream).removesuffix("\n"))
    assert (line["message"], line["service"], line["bytes"]) == ("GET /a/5/ 200", "tests", 17)
    assert counters.records["INFO"] == before + 1


def _filtered() -> None:
    access_logger.handlers[0].addFilter(lambda record: True)


def _foreign_factory() -> None:
    logging.setLogRecordFactory(lambda *args, **kwargs: context.make_record(*args, **kwargs))


def _foreign_handler() -> None:
    access_logger.handlers.append(logging.NullHandler())


def _adapted() -> None:
    access_logger.handlers[0].setFormatter(JsonFormatter(static_fields={"team": "shop"}))


@pytest.mark.parametrize("change", [_filtered, _foreign_factory, _foreign_handler, _adapted])
def test_whoever_has_a_say_gets_a_record(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    monkeypatch.setattr(access.Lines, "make", refuse)
    change()  # type: ignore[operator]
    log_request(logging.INFO, seen())
    assert strict(taken(stream).removesuffix("\n"))["message"] == "GET /a/5/ 200"


@pytest.mark.parametrize("path", ["/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl/", "/?password=hunter2"])
def test_secrets_in_paths_and_agents_are_hidden(stream: io.StringIO, path: str) -> None:
    log_request(logging.INFO, seen(path=path, user_agent="x password=hunter2"))
    text = taken(stream)
    assert "hunter2" not in text
    assert "eyJ" not in text
    assert "[redacted]" in text


def test_a_user_or_a_task_around_it_is_stamped(stream: io.StringIO) -> None:
    core_context.task.set("shop.tidy")
    try:
        log_request(logging.INFO, seen())
    finally:
        core_context.task.set(None)
    assert json.loads(taken(stream))["task"] == "shop.tidy"


def test_nobody_listening_costs_nothing(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "log_access", refuse)
    monkeypatch.setattr(access.Lines, "make", refuse)
    log_request(logging.DEBUG, seen())
    access_logger.handlers.clear()
    log_request(logging.INFO, seen())


def test_changed_settings_are_in_the_next_line(stream: io.StringIO) -> None:
    log_request(logging.INFO, seen())
    taken(stream)
    with override_monitoring(SERVICE="other", REDACTION={"KEYS": ["artisan"]}):
        log_request(logging.INFO, seen(user_agent="artisan=abcdef"))
        line = json.loads(taken(stream))
    assert (line["service"], line["user_agent"]) == ("other", "artisan=[redacted]")


def test_what_is_remembered_is_bounded(stream: io.StringIO) -> None:
    for number in range(2_500):
        log_request(logging.INFO, seen(path=f"/{number}/", user_agent=f"agent {number}", method=f"M{number}"))
    lines = access._Current.lines
    assert lines is not None
    assert all(len(each) <= 1_000 for each in (lines._paths, lines._agents, lines._templates))


def test_every_handler_takes_a_finished_line(stream: io.StringIO, tmp_path) -> None:
    formatter = access_logger.handlers[0].formatter
    file, queued = DailyFileHandler(tmp_path / "access.log"), NonBlockingHandler(StdoutHandler(behind := io.StringIO()))
    for handler in (file, queued):
        handler.setFormatter(formatter)
        access_logger.handlers.append(handler)
    log_request(logging.INFO, seen())
    queued.close()
    file.close()
    deadline = time.monotonic() + 5
    while not behind.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert taken(stream) == (tmp_path / "access.log").read_text() == behind.getvalue()


def test_a_stream_that_fails_is_counted(stream: io.StringIO) -> None:
    before = counters.write_errors
    stream.close()
    log_request(logging.INFO, seen())
    assert counters.write_errors == before + 1
