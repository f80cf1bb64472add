"""Where lines go: standard output, and a file for each day that many processes may share."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import TextIO

from . import counters

DEFAULT_KEPT_DAYS = 30
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


class LineHandler(logging.Handler):
    """What our handlers share: a line is written whole or counted, and nothing is ever printed or raised for it.

    Only the `primary` handler counts records, so that a second one (the file) does not count them twice.
    """

    primary = True

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record's line unless a filter refuses it: the standard method without its detours."""
        if self.filters:
            passed: object = self.filter(record)
            if not passed:
                return False
            if isinstance(passed, logging.LogRecord):  # Python 3.12: a filter may replace the record
                record = passed
        lock = self.lock
        if lock is None:
            self.emit(record)
        else:
            with lock:
                self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        try:
            formatter = self.formatter
            self.write_line(formatter.format(record) if formatter is not None else self.format(record))
            if self.primary:
                counters.records[_LEVELS.get(record.levelno) or counters.level_of(record.levelno)] += 1
        except Exception:  # also RecursionError, which the standard handlers let through to the host
            counters.write_errors += 1

    def put(self, line: str, level: int) -> None:
        """Write a finished line, given with its line end: for who needs no record to make it."""
        with self.lock or nullcontext():
            try:
                self.write_line(line[:-1])
                if self.primary:
                    counters.records[counters.LEVELS.get(level) or counters.level_of(level)] += 1
            except Exception:
                counters.write_errors += 1

    def write_line(self, line: str) -> None:
        """Write one line; raise OSError or ValueError if that cannot be done."""
        raise NotImplementedError

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count; the standard one prints a traceback to stderr for each line that a full disk refuses."""
        counters.write_errors += 1


class ListeningHandler(logging.Handler):
    """A handler that writes nothing, and wants no record of a request that ended: the access log passes it by."""


class StdoutHandler(LineHandler):
    """Write lines to standard output (or `stream`) at once."""

    def __init__(self, stream: TextIO | None = None, *, primary: bool = True) -> None:
        super().__init__()
        self.stream = stream or _standard_output()
        self.primary = primary

    def write_line(self, line: str) -> None:
        """Write and flush one line."""
        stream = self.stream
        if stream is None:
            raise OSError("no standard output")
        try:
            stream.write(line + "\n")
        except UnicodeEncodeError:  # the human format on a stream that is not UTF-8
            stream.write(line.encode("ascii", "backslashreplace").decode("ascii") + "\n")
        stream.flush()

    def put(self, line: str, level: int) -> None:
        """Write a finished line: `write_line` without a call of its own, for the access log."""
        stream = self.stream
        with self.lock or nullcontext():
            try:
                stream.write(line)  # type: ignore[union-attr]  # without a stream: an error to be counted
                stream.flush()  # type: ignore[union-attr]
                if self.primary:
                    counters.records[counters.LEVELS.get(level) or counters.level_of(level)] += 1
            except Exception:
                counters.write_errors += 1

    def flush(self) -> None:
        """Flush the stream, if it is still there."""
        try:
            if self.stream is not None:
                self.stream.flush()
        except (OSError, ValueError):
            counters.write_errors += 1


def _standard_output() -> TextIO | None:
    # A Celery worker replaces sys.stdout by something that logs what is written to it: the line would come back.
    if type(sys.stdout).__name__ == "LoggingProxy":
        return sys.__stdout__
    return sys.stdout


class DailyFileHandler(LineHandler, TimedRotatingFileHandler):
    """Append lines to a file that is set aside at midnight UTC as `<name>.YYYY-MM-DD` and kept `kept_days` days.

    Several processes may write to one file. The standard handler would rotate once per process, each time deleting what
    the process before had set aside: here the first one rotates, under a lock, and the others only open the new file.
    """

    def __init__(
        self, filename: str | os.PathLike[str], kept_days: int | None = None, *, primary: bool = False
    ) -> None:
        self.primary = primary
        TimedRotatingFileHandler.__init__(
            self,
            filename,
            when="midnight",
            backupCount=_kept_days() if kept_days is None else kept_days,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
            utc=True,
        )

    def write_line(self, line: str) -> None:
        """Rotate if the day has changed, then append one line."""
        if time.time() >= self.rolloverAt:
            self.doRollover()
        if self.stream is None:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            self.stream = self._open()
        self.stream.write(line + "\n")
        self.stream.flush()

    def doRollover(self) -> None:  # noqa: N802
        """Set the file aside unless another process has done so; then go on with a new one."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        now = int(time.time())
        day = time.strftime(self.suffix, time.gmtime(self.rolloverAt - self.interval))
        aside = f"{self.baseFilename}.{day}"
        with _locked(f"{self.baseFilename}.lock"):
            if os.path.exists(self.baseFilename) and not os.path.exists(aside):
                os.rename(self.baseFilename, aside)
            if self.backupCount > 0:
                for old in self.getFilesToDelete():
                    os.remove(old)
        self.rolloverAt = self.computeRollover(now)


def _kept_days() -> int:
    try:
        from ..conf import get_settings

        return get_settings().RETENTION.LOGS
    except Exception:  # no Django settings: plain logging
        return DEFAULT_KEPT_DAYS


@contextmanager
def _locked(path: str) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: a file that another process has open cannot be renamed anyway
        yield
        return
    with open(path, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
