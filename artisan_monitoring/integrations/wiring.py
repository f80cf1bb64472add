"""Connects the integrations whose systems the project uses."""

from __future__ import annotations

import sys
from importlib import import_module

from django.conf import settings

from ..conf import get_settings
from ..pipeline.purge import register_purge
from ..pipeline.sinks import register_sink
from ..queries import recorder
from .opentelemetry import KIND


def connect() -> None:
    """Register the export by OTLP if it has an endpoint, watch the calls that errors are to show, and connect Celery if
    the project has imported it.

    It has, in a worker and in beat, and in a web process whose project package imports its Celery app, as Celery's
    documentation asks. Where it has not, importing it here would cost every process a tenth of a second for nothing.
    """
    # In any case: what another process has recorded, or this one before its settings changed, is no bad record.
    register_sink(KIND, "artisan_monitoring.integrations.opentelemetry.outbox.store_lines")
    register_purge("log_outbox", "artisan_monitoring.integrations.opentelemetry.outbox.purge")
    if get_settings().OTLP.ENDPOINT:
        from .opentelemetry import export  # not where nothing is exported

        export.connect()
    _put_calls_on_the_trail()
    if "celery" in sys.modules:
        from . import celery

        celery.connect()
        if any(path.endswith(".DatabaseMonitoringMiddleware") for path in settings.MIDDLEWARE):
            # A worker loads no middleware, and its tasks' queries are asked for as well as its requests'.
            recorder.enable()


def _put_calls_on_the_trail() -> None:
    asked = get_settings().ERRORS.TRAIL
    if "cache" in asked:
        import_module(f"{__package__}.caches").bind()
    if "http" in asked or "httpx" in asked:
        import_module(f"{__package__}.outgoing").bind()
