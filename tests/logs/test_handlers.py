"""Lines reach their stream or file, or are counted; nothing is printed, nothing raised."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from artisan_monitoring.logs import JsonFormatter, counters
from artisan_monitoring.logs.handlers import DailyFileHandler, StdoutHandler


def record(message: str = "x", level: int = 20) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelno": level, "name": "t"})


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [FullDisk(), closed()])
def test_broken_stream_is_counted_and_not_told(stream, capsys):
    handler = StdoutHandler(stream)
    handler.setFormatter(JsonFormatter())
    before = counters.write_errors
    handler.handle(record())
    handler.handleError(record())
    assert counters.write_errors == before + 2
    handler.flush()
    handler.close()
    assert capsys.readouterr() == ("", "")


def test_no_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    handler = StdoutHandler()
    before = counters.write_errors
    handler.handle(record())
    assert counters.write_errors == before + 1


def test_celerys_stand_in_for_standard_output_is_not_used(monkeypatch):
    LoggingProxy = type("LoggingProxy", (), {})
    monkeypatch.setattr(sys, "stdout", LoggingProxy())
    assert StdoutHandler().stream is sys.__stdout__


def test_records_are_counted_by_level_once():
    primary, second = StdoutHandler(io.StringIO()), StdoutHandler(io.StringIO(), primary=False)
    before = dict(counters.records)
    for level in (5, 10, 15, 20, 25, 30, 40, 45, 50, 60):
        primary.handle(record(level=level))
        second.handle(record(level=level))
    after = {level: counters.records[level] - count for level, count in before.items()}
    assert after == {"DEBUG": 3, "INFO": 2, "WARNING": 1, "ERROR": 2, "CRITICAL": 2}


def test_filters_hold(monkeypatch):
    handler = StdoutHandler(io.StringIO())
    handler.addFilter(lambda each: each.levelno > 20)
    assert handler.handle(record()) is False
    assert handler.handle(record("y", 30)) is True
    assert handler.stream.getvalue() == "y\n"
    handler.filter = lambda each: record("another")  # what Python 3.12 allows
    handler.handle(record())
    assert handler.stream.getvalue() == "y\nanother\n"


@pytest.fixture
def daily(tmp_path):
    handlers: list[DailyFileHandler] = []

    def make(**options: object) -> DailyFileHandler:
        handler = DailyFileHandler(tmp_path / "deep" / "app.log", **options)
        handler.setFormatter(logging.Formatter("%(message)s"))
        handlers.append(handler)
        return handler

    yield make
    for handler in handlers:
        handler.close()


def midnight_passed(*handlers: DailyFileHandler) -> str:
    """Pretend that the handlers were opened yesterday; return the name's ending of what they set aside."""
    for handler in handlers:
        handler.rolloverAt = int(time.time()) // 86_400 * 86_400
    return (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")


def test_file_is_made_with_its_directory(daily, tmp_path):
    daily().handle(record("hello"))
    assert (tmp_path / "deep" / "app.log").read_text() == "hello\n"


def test_days_are_kept_as_the_setting_says_when_the_handler_is_made(daily, settings):
    settings.ARTISAN_MONITORING = {"RETENTION": {"LOGS": 12}}
    assert daily().backupCount == 12
    settings.ARTISAN_MONITORING = {}
    assert daily().backupCount == 30
    assert daily(kept_days=3).backupCount == 3


def test_file_is_set_aside_at_midnight_once_by_many_processes(daily, tmp_path):
    first, second, third = daily(), daily(), daily()
    for handler in (first, second, third):
        handler.handle(record("yesterday"))
    day = midnight_passed(first, second, third)
    for handler in (first, second, third):
        handler.handle(record("today"))
    folder = tmp_path / "deep"
    assert (folder / f"app.log.{day}").read_text() == "yesterday\n" * 3
    assert (folder / "app.log").read_text() == "today\n" * 3
    assert first.rolloverAt > time.time()


def test_old_files_are_removed(daily, tmp_path):
    handler = daily(kept_days=2)
    handler.handle(record("x"))
    folder = tmp_path / "deep"
    for number in range(1, 6):
        (folder / f"app.log.2020-01-0{number}").write_text("old\n")
    (folder / "app.log.notes").write_text("not ours\n")
    day = midnight_passed(handler)
    handler.handle(record("y"))
    names = sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))
    assert names == sorted(["app.log", "app.log.2020-01-05", f"app.log.{day}", "app.log.notes"])


def test_file_that_cannot_be_opened_is_counted(tmp_path):
    (tmp_path / "file").write_text("")
    handler = DailyFileHandler(tmp_path / "file" / "app.log")
    before = counters.write_errors
    handler.handle(record())
    assert counters.write_errors == before + 1
    handler.close()


WRITER = """
import sys, logging
from artisan_monitoring.logs.handlers import DailyFileHandler
handler = DailyFileHandler(sys.argv[1], 30)
sys.stdin.readline()
for number in range(300):
    if number == 150:
        import time
        handler.rolloverAt = int(time.time()) // 86400 * 86400
    handler.handle(logging.makeLogRecord({"msg": f"{sys.argv[2]} {number}"}))
"""


def test_no_line_is_lost_when_processes_rotate_together(tmp_path):
    path = tmp_path / "app.log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(each)], stdin=subprocess.PIPE)
        for each in range(3)
    ]
    for writer in writers:
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    for writer in writers:
        writer.stdin.close()
    aside = [each for each in tmp_path.iterdir() if not each.name.endswith(".lock")]
    lines = "".join(Path(each).read_text() for each in aside).splitlines()
    assert len(aside) == 2
    assert sorted(lines) == sorted(f"{writer} {number}" for writer in range(3) for number in range(300))


def test_lock_is_let_go(tmp_path):
    from artisan_monitoring.logs.handlers import _locked

    with _locked(str(tmp_path / "a.lock")):
        pass
    with _locked(str(tmp_path / "a.lock")):
        assert os.path.exists(tmp_path / "a.lock")
