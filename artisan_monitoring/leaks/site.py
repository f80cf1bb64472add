"""The view that spreads a value wherever a careless one might, in front of the project's own URLs, and then fails."""

from __future__ import annotations

import base64
import json
import logging
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType
from urllib.parse import quote

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from ..errors.grouping import Occurrence
from ..errors.tracker import error_tracker
from ..logs.logger import logger
from ..metrics.collector import metrics_collector

PATH = "artisan-leaks"

value: ContextVar[str] = ContextVar("artisan_leaks_value", default="")
reached: list[int] = []
"""One entry for each request that came through the middleware to the view."""


class LeakProbe(Exception):
    """Raised on purpose by `manage.py monitoring_leaks`."""


class Holder:
    """An object whose text gives away what it holds."""

    def __init__(self, held: str) -> None:
        self._held = held

    def __repr__(self) -> str:
        return f"<Holder of {self._held}>"


def spread(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Put the value into variables, log records, a metric, a statement, a handled error and, last, one that is not."""
    it = value.get()
    reached.append(1)
    note = request.POST.get("note", "")
    nested = {"items": [it, {"deeper": (it, Holder(it))}], "pair": ("note", it)}
    spelled = [quote(it), json.dumps(it), base64.b64encode(f"user:{it}".encode()).decode(), it.encode()]
    _log(it, nested, spelled)
    metrics_collector.record_metric("artisan.leaks", 1, "seconds", metadata={"note": it})
    _query(it)
    handled = ValueError(f"handled {it}", nested)
    handled.add_note(f"noted {it}")
    error_tracker.track_error(handled, context={"note": it, "nested": nested}, request=request)
    raise LeakProbe(f"said {it} and {spelled} with {len(note)}") from handled


def _log(it: str, nested: object, spelled: object) -> None:
    log = logging.getLogger("artisan_monitoring.leaks")
    log.error("said %s in %r and %s", it, nested, spelled, extra={"note": it, "nested": nested})
    log.error("said " + it)  # noqa: G003  # as careless code does
    logger.error("said", note=it, nested=nested)
    try:
        raise LeakProbe(it)
    except LeakProbe:
        log.exception("with a traceback")


def _query(it: str) -> None:
    literal = it.replace("'", "''")
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(f"SELECT '{literal}'")  # a literal in a statement is the point
    except DatabaseError:
        pass


def by_value(occurrence: Occurrence) -> list[str] | None:
    """Give each value a group of its own: of one group only the first samples are kept."""
    return ["{{ default }}", str(len(reached))]


def urls() -> ModuleType:
    """Return the project's URLconf with the view in front."""
    host = import_module(settings.ROOT_URLCONF) if isinstance(settings.ROOT_URLCONF, str) else settings.ROOT_URLCONF
    module = ModuleType("artisan_leaks_urls")
    module.__dict__.update({name: each for name, each in vars(host).items() if name.startswith("handler")})
    module.__dict__["urlpatterns"] = [path(f"{PATH}/<path:rest>", spread), path("", include(host))]
    return module
