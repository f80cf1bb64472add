"""`logging_config()`: the value of Django's LOGGING. Evaluated inside settings, so it only builds a dictionary."""

from __future__ import annotations

import difflib
import logging
import os
from typing import Any, Literal

_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
    "FATAL": logging.CRITICAL,
}


def logging_config(
    level: str | int = "INFO",
    environment: str = "production",
    *,
    file: str | os.PathLike[str] | None = None,
    nonblocking: bool = False,
    format: Literal["json", "human"] | None = None,  # noqa: A002  (what it is called everywhere in logging)
    loggers: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`, which is what Django's `LOGGING` is.

    Records go to standard output: as JSON, or readable in the environment "development"; `format` says otherwise.
    With `file` they also go, as JSON, to a file set aside at midnight UTC and kept `RETENTION["LOGS"]` days. With
    `nonblocking` a thread writes, and a stream that is stuck costs lines (counted), not requests. `loggers` are added
    to, or replace, the ones set here. Raises ValueError for an unknown level.
    """
    number = _level(level)
    handlers = _handlers(environment, format, nonblocking)
    written = ["console"]
    if file is not None:
        handlers["file"] = {
            "()": "artisan_monitoring.logs.config.make_file",
            "formatter": "json",
            "filename": os.fspath(file),
            "nonblocking": nonblocking,
        }
        written.append("file")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {name: dict(made) for name, made in _FILTERS.items()},
        "formatters": {
            "json": {"()": "artisan_monitoring.logs.formatters.JsonFormatter", "environment": environment},
            "human": {"()": "artisan_monitoring.logs.formatters.HumanFormatter", "environment": environment},
        },
        "handlers": handlers,
        "root": {"level": number, "handlers": written},
        "loggers": {**_loggers(number), **(loggers or {})},
    }


_FILTERS: dict[str, Any] = {
    # Making it installs the record factory; the handlers of a project may use it for "%(request_id)s".
    "context": {"()": "artisan_monitoring.logs.context.ContextFilter"},
    "require_debug_false": {"()": "django.utils.log.RequireDebugFalse"},
}


def _handlers(environment: str, chosen: str | None, nonblocking: bool) -> dict[str, Any]:
    return {
        "console": {
            "()": "artisan_monitoring.logs.config.make_console",
            "formatter": chosen or ("human" if environment == "development" else "json"),
            "nonblocking": nonblocking,
        },
        # Django's own, as it is without this configuration: e-mail about server errors to ADMINS, if there are any.
        "mail_admins": {
            "()": "artisan_monitoring.logs.config.make_mail_admins",
            "level": "ERROR",
            "filters": ["require_debug_false"],
        },
    }


def _loggers(number: int) -> dict[str, Any]:
    return {
        # Its console handler would print each record a second time; DEBUG of it is every template variable.
        "django": {"level": max(number, logging.INFO), "handlers": ["mail_admins"]},
        # runserver's own line per request: the access log has it.
        "django.server": {"level": max(number, logging.WARNING), "handlers": [], "propagate": True},
    }


def _level(level: str | int) -> int:
    if isinstance(level, int):
        return level
    name = level.strip().upper()
    if name in _LEVELS:
        return _LEVELS[name]
    if name.isdigit():
        return int(name)
    near = difflib.get_close_matches(name, _LEVELS, n=1)
    raise ValueError(f"Unknown log level {level!r}. " + (f"Did you mean {near[0]}?" if near else "Use e.g. INFO."))


def make_console(nonblocking: bool = False) -> logging.Handler:
    """Make the handler for standard output."""
    from .handlers import StdoutHandler

    return _wrapped(StdoutHandler(), nonblocking)


def make_file(filename: str, nonblocking: bool = False) -> logging.Handler:
    """Make the handler for a file per day."""
    from .handlers import DailyFileHandler

    return _wrapped(DailyFileHandler(filename), nonblocking)


def make_mail_admins() -> logging.Handler:
    """Make Django's handler that mails to ADMINS; outside a Django project, one that does nothing."""
    from django.conf import settings
    from django.utils.log import AdminEmailHandler

    return AdminEmailHandler() if settings.configured else logging.NullHandler()


def _wrapped(handler: Any, nonblocking: bool) -> logging.Handler:
    from .nonblocking import NonBlockingHandler

    return NonBlockingHandler(handler) if nonblocking else handler
