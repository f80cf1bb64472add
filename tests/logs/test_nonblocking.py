"""A stream that is stuck costs lines, counted, and never the caller's time."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from artisan_monitoring.logs import JsonFormatter, counters, nonblocking
from artisan_monitoring.logs.handlers import StdoutHandler
from artisan_monitoring.logs.nonblocking import NonBlockingHandler


class Stuck(io.StringIO):
    """A stream that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait(10)
        return super().write(text)


def record(message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelno": 20, "name": "t"})


def handler_on(stream: io.StringIO, **options: int) -> NonBlockingHandler:
    handler = NonBlockingHandler(StdoutHandler(stream), **options)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def test_lines_are_written_in_order_by_a_thread_that_starts_late():
    stream = io.StringIO()
    handler = handler_on(stream)
    before = threading.active_count()
    assert handler._writer is None
    for number in range(500):
        handler.handle(record(str(number)))
    assert threading.active_count() == before + 1
    handler.close()
    assert stream.getvalue().split() == [str(number) for number in range(500)]
    assert threading.active_count() == before


def test_stuck_stream_drops_and_counts():
    stream = Stuck()
    handler = handler_on(stream, capacity=10)
    dropped, written = counters.dropped, counters.records["INFO"]
    started = time.monotonic()
    for number in range(100):
        handler.handle(record(str(number)))
    assert time.monotonic() - started < 2
    lost = counters.dropped - dropped
    assert 88 <= lost <= 90  # ten wait, and the thread may hold one or two
    assert counters.records["INFO"] - written == 100 - lost
    stream.go.set()
    handler.close()
    assert len(stream.getvalue().split()) == 100 - lost


def test_exit_does_not_wait_for_a_stuck_stream(monkeypatch):
    monkeypatch.setattr(nonblocking, "STOP_WITHIN_S", 0.1)
    stream = Stuck()
    handler = handler_on(stream)
    handler.handle(record("x"))
    started = time.monotonic()
    handler.close()
    assert time.monotonic() - started < 2
    stream.go.set()


def test_line_is_made_at_once():
    stream = Stuck()
    handler = NonBlockingHandler(StdoutHandler(stream))
    handler.setFormatter(JsonFormatter())
    changing = {"state": "at the call", "password": "hunter2"}
    handler.handle(logging.makeLogRecord({"msg": "x", "levelno": 20, "name": "t", "metadata": changing}))
    changing["state"] = "later"
    stream.go.set()
    handler.close()
    assert "at the call" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_broken_stream_is_counted():
    stream = io.StringIO()
    stream.close()
    handler = handler_on(stream)
    before = counters.write_errors
    handler.handle(record("x"))
    handler.handleError(record("x"))
    handler.close()
    assert counters.write_errors == before + 2


def test_handler_goes_on_after_close():
    stream = io.StringIO()
    handler = handler_on(stream)
    handler.handle(record("a"))
    handler.close()
    handler.handle(record("b"))
    handler.close()
    assert stream.getvalue().split() == ["a", "b"]


FORKING = """
import logging, logging.config, os, sys
from artisan_monitoring.logs import logging_config
logging.config.dictConfig(logging_config("INFO", "production", nonblocking=True))
log = logging.getLogger("x")
for number in range(100):
    log.info("parent %s", number)
child = os.fork()
if child == 0:
    for number in range(100):
        log.info("child %s", number)
    logging.shutdown()
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_child_writes_its_own_lines_once():
    # Python 3.12 warns of any fork beside a thread: what is tested is that this one goes well.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    for who in ("parent", "child"):
        assert sum(f'"message":"{who} ' in line for line in lines) == 100
    assert len(lines) == 200
    assert done.stderr == ""
