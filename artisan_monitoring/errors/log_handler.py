"""The handler that listens to all logging: records go on the trail of the request that runs, errors are recorded.

Named by dotted path in `LOGGING` it is imported before the apps are loaded: what captures is imported when needed.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from time import perf_counter
from weakref import WeakSet

from ..conf import get_settings, on_settings_change
from ..core.context import observation
from ..core.guard import report
from ..core.trail import LOG, Trail
from ..logs.handlers import ListeningHandler
from .refusing import Refusals

# What these say of an error is known better from where it happened: Django's signal, Celery's signals, the answer.
# "django.security" tells of requests that Django answers with 400, which is asked for by ANSWERED.
TOLD_ELSEWHERE = ("django.request", "django.server", "django.security", "celery.app.trace", "celery.worker.request")
# Our own would go round in circles; Django's log of queries is on the trail as queries.
NOT_HEARD = ("artisan_monitoring", "django.db.backends", "django.server")
MOST_LOGGERS = 2_000

_told: WeakSet[logging.LogRecord] = WeakSet()
_capturing: ContextVar[bool] = ContextVar("artisan_capturing_log", default=False)


class _Bound:
    """Settings copied for the hot path, and by logger: (its records go on the trail, its errors are recorded)."""

    level = logging.ERROR
    on_trail = True
    refusals = Refusals(())
    plans: dict[str, tuple[bool, bool]] = {}  # one for all


class ErrorHandler(ListeningHandler):
    """Belongs on the root logger, where monitoring puts it itself, and on loggers that do not propagate."""

    stands_alone = False
    """Whether the root logger had no handler: what Python then prints to stderr, it still has to."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Look at a record; 0.4 us of a request that goes well. No lock: there is nothing to write."""
        if self.stands_alone:
            _last_resort(record)
        try:
            heard, counts = _Bound.plans.get(record.name) or _plan(record.name)
            if counts and record.levelno >= _Bound.level and not _capturing.get():
                _capture(record)
            if heard and _Bound.on_trail:
                running = observation.get()
                if running is not None:
                    _put(running.trail or _new_trail(), record)
        except Exception as exc:
            report("errors.log", exc)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Do what `handle` does: for a host that calls it."""
        self.handle(record)


def _last_resort(record: logging.LogRecord) -> None:
    """Do what `logging` does for a record that no handler takes: print it from WARNING on."""
    resort = logging.lastResort
    if resort is None or record.levelno < resort.level:
        return
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        if any(not isinstance(handler, ErrorHandler) for handler in logger.handlers):
            return
        logger = logger.parent if logger.propagate else None
    resort.handle(record)


def _new_trail() -> Trail:
    trail = Trail()
    running = observation.get()
    if running is not None:
        running.trail = trail
    return trail


def _put(trail: Trail, record: logging.LogRecord) -> None:
    told = trail.told
    if told and getattr(told[-1][3], "created", None) == record.created:
        return  # heard through two handlers
    if record.exc_info and record.exc_info[0] is not None:
        # Its frames hold the project's objects: they must not live longer for it.
        record = logging.makeLogRecord({**vars(record), "exc_info": None})
    told.append((LOG, perf_counter(), None, record, None))


def _capture(record: logging.LogRecord) -> None:
    from .logged import capture_record

    if record in _told:
        return  # heard through two handlers
    _told.add(record)
    token = _capturing.set(True)
    try:
        capture_record(record)
    finally:
        _capturing.reset(token)


def _plan(name: str) -> tuple[bool, bool]:
    own = _under(name, NOT_HEARD)
    plan = not own, not own and not _under(name, TOLD_ELSEWHERE) and not _Bound.refusals.logger(name)
    if len(_Bound.plans) >= MOST_LOGGERS:
        _Bound.plans.clear()
    _Bound.plans[name] = plan
    return plan


def _under(name: str, loggers: tuple[str, ...]) -> bool:
    return any(name == logger or name.startswith(f"{logger}.") for logger in loggers)


def forget() -> None:
    """Ask again which loggers are ignored."""
    _Bound.refusals = Refusals(get_settings().ERRORS.IGNORE)
    _Bound.plans.clear()


def listen() -> None:
    """Put the handler on the root logger, unless it is there."""
    root = logging.getLogger()
    if not any(isinstance(handler, ErrorHandler) for handler in root.handlers):
        listener = ErrorHandler()
        listener.stands_alone = not root.handlers
        root.addHandler(listener)


@on_settings_change
def _bind() -> None:
    chosen = get_settings()
    _Bound.on_trail = chosen.ENABLED and LOG in chosen.ERRORS.TRAIL
    level = logging.getLevelName(chosen.ERRORS.LOGS.upper()) if chosen.ERRORS.LOGS and chosen.ENABLED else None
    _Bound.level = level if isinstance(level, int) else logging.CRITICAL + 1_000
    forget()
