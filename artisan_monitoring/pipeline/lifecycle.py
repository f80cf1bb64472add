"""The beginning and the end: starting threads when there is something to do, and sending what is left at exit."""

from __future__ import annotations

import atexit
import time
from typing import Any

from .. import conf
from ..core.guard import guarded, tell
from ..exceptions import StoreUnavailable
from .buffer import buffer
from .flusher import flusher
from .housekeeper import housekeeper

EXIT_TIMEOUT_S = 5.0


def initialize_monitoring() -> None:
    """Start the background threads of this process now. Otherwise they start with its first record.

    Does nothing where threads may not run: under a test runner without `IN_TESTS`, with `FLUSH` other than `thread`.
    """
    flusher.start()
    housekeeper.start()


def shutdown_monitoring(timeout_s: float = EXIT_TIMEOUT_S) -> bool:
    """Stop the threads and send what is left; return whether the store has it all. Monitoring may be started again.

    Takes at most `timeout_s`, plus the store's own timeout for the last attempt. Never raises. What could not be sent
    is kept for a later flush, and logged: nobody else knows of it.
    """
    until = time.monotonic() + timeout_s
    for each in (housekeeper, flusher):
        each.signal_stop()
    # It records what it does, so it goes first; but it may hang in a store, and the last flush matters more.
    housekeeper.stop(timeout_s / 2)
    flusher.stop(max(0.0, until - time.monotonic()))
    done = conf.active() and flusher.flush(until)
    if not done and flusher.unsent:
        tell("exit", StoreUnavailable(f"{flusher.unsent} observations unsent: {flusher.problem}"))
    # The next record starts the thread again.
    buffer.restart()
    return done


def _begin() -> None:
    """Start what this process had before it was forked or shut down: a server may be warmed up before it forks."""
    flusher.start()
    if housekeeper.wanted:
        housekeeper.start()


buffer.on_first = _begin


def flush_now() -> bool:
    """Send what is buffered, in this thread; return whether the store has it all.

    Under a test runner without `IN_TESTS` nothing is sent.
    """
    return conf.active() and flusher.flush()


def flush_after_request(**kwargs: Any) -> None:
    """Flush after a response, at the usual interval: for `FLUSH = "request_finished"`."""
    if conf.active() and flusher.due():
        flusher.flush()


@atexit.register
def _at_exit() -> None:
    # What is still recorded beside or after this goes unsent; Python 3.12 would refuse it a thread, with a traceback.
    buffer.on_first = None
    # A test run that only filled the buffer has nothing to send, and no tables to send it to.
    if flusher.wanted:
        with guarded("exit"):
            shutdown_monitoring()
