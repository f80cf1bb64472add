"""A handler whose caller never waits for the stream: lines are made at once, queued, and written by a thread."""

from __future__ import annotations

import logging
import os
import weakref
from contextlib import nullcontext
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue

from . import counters
from .handlers import LineHandler

CAPACITY = 10_000
STOP_WITHIN_S = 2.0


class _Writer(QueueListener):
    """The thread that writes queued lines to the real handler."""

    def __init__(self, queue: SimpleQueue[str], target: LineHandler) -> None:
        super().__init__(queue)
        self._target = target

    def handle(self, record: object) -> None:
        """Write one line."""
        write(self._target, str(record))

    def stop_within(self, timeout_s: float) -> None:
        """Let the thread finish the queue; a stream that is stuck does not hold up the exit of the process."""
        self.enqueue_sentinel()
        if self._thread is not None:
            self._thread.join(timeout_s)


class NonBlockingHandler(QueueHandler):
    """Queue the formatted line for `target`; with `capacity` lines waiting, drop and count.

    The line, not the record, is queued: it is redacted already, and what its arguments are a second later does not
    matter. The thread starts with the first line of a process, also of a forked one.
    """

    def __init__(self, target: LineHandler, capacity: int = CAPACITY) -> None:
        self.waiting: SimpleQueue[str] = SimpleQueue()
        super().__init__(self.waiting)
        self.target = target
        self.capacity = capacity
        self._writer: _Writer | None = None
        _handlers.add(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line, or drop it if the queue is full."""
        try:
            if self.waiting.qsize() >= self.capacity:  # before the line is made in vain
                counters.dropped += 1
            else:
                self._queue(self.format(record), record.levelno)
        except Exception:
            counters.write_errors += 1

    def put(self, line: str, level: int) -> None:
        """Queue a finished line, given with its line end: for who needs no record to make it."""
        try:
            with self.lock or nullcontext():
                if self.waiting.qsize() >= self.capacity:
                    counters.dropped += 1
                else:
                    self._queue(line[:-1], level)
        except Exception:
            counters.write_errors += 1

    def _queue(self, line: str, level: int) -> None:
        if self._writer is None:
            self._start()
        self.waiting.put(line)
        if self.target.primary:
            counters.records[counters.level_of(level)] += 1

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count, print nothing."""
        counters.write_errors += 1

    def _start(self) -> None:
        writer = _Writer(self.waiting, self.target)
        writer.start()
        self._writer = writer

    def after_fork(self) -> None:
        """Begin anew in a forked child: the thread is the parent's, and so are the lines that wait."""
        self.queue = self.waiting = SimpleQueue()
        self._writer = None

    def close(self) -> None:
        """Write what waits, for at most two seconds, and stop the thread."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.stop_within(STOP_WITHIN_S)
        super().close()


def write(target: LineHandler, line: str) -> None:
    """Write a line under the target's lock; count a failure."""
    target.acquire()
    try:
        target.write_line(line)
    except Exception:
        counters.write_errors += 1
    finally:
        target.release()


def _after_fork() -> None:
    for handler in list(_handlers):
        handler.after_fork()


_handlers: weakref.WeakSet[NonBlockingHandler] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
