"""The job `export_otlp`: one process of the deployment sends the store's metrics and the outbox' log records."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ...conf import get_settings, on_settings_change
from ...metrics.collector import metrics_collector
from ...pipeline.buffer import buffer
from ...pipeline.jobs import register_job
from ...stores import get_store
from ...stores.base import Store
from . import logs
from .backoff import Backoff
from .encoding import requests
from .sending import METRICS, NotExported, post, ready, refused_points

JOB = "export_otlp"
SHORTEST_PERIOD_S = 1.0
LEASE_SHARE = 2
"""An export may take two of its periods; a job's lease lasts three."""

_logger = logging.getLogger(logs.LOGGER)
_points = metrics_collector.handle("artisan.otlp.points", unit="{point}", kind="counter")


def connect() -> None:
    """Register the job, if there is somewhere to export to, and listen to the loggers, if their records are wanted."""
    if ready():
        register_job(JOB, max(SHORTEST_PERIOD_S, get_settings().OTLP.PERIOD_S), f"{__name__}.export_otlp")
    if logs.attach not in buffer.samplers:
        on_settings_change(logs.attach)
        # What sets logging up anew takes the handler away: it is put back at the next flush.
        buffer.samplers.append(logs.attach)


def export_otlp() -> int:
    """Send everything there is, and return how many points and log records the endpoint took.

    Raise `NotExported` where it did not take them, and while the pause after that lasts: the job is not well before it
    is. Metrics lose nothing by that, since totals are cumulative, and log records wait. Each goes though the other
    could not. Raise `StoreUnavailable` where the store cannot be asked.
    """
    store = get_store()
    until = time.monotonic() + LEASE_SHARE * get_settings().OTLP.PERIOD_S
    taken, problem = 0, None
    for name, export in (("pause", export_metrics), ("logs", logs.export_logs)):
        if export is logs.export_logs and not logs.wanted():
            continue
        try:
            taken += _with_backoff(Backoff(store, name), store, export, until)
        except NotExported as exc:
            problem = problem or exc
    if problem is not None:
        raise problem
    return taken


def _with_backoff(backoff: Backoff, store: Store, export: Callable[[Store, float], int], until: float) -> int:
    backoff.check()
    try:
        taken = export(store, until)
    except NotExported as exc:
        backoff.failed(exc)
        raise
    backoff.succeeded()
    return taken


def export_metrics(store: Store, until: float) -> int:
    """Send the store's metrics until a time (monotonic), and return how many points the endpoint took."""
    chosen = get_settings().OTLP
    taken = 0
    for request, points in requests(store, store.now() - 2 * chosen.PERIOD_S):
        if time.monotonic() > until:
            raise NotExported(f"the endpoint took {taken} points in {LEASE_SHARE} periods, and there are more")
        body = request.SerializeToString()
        refused, why = refused_points(post(chosen.ENDPOINT, METRICS, chosen.HEADERS, body, chosen.TIMEOUT_S))
        if refused:
            _logger.warning("The OTLP endpoint refused %d of %d points: %s", refused, points, why)
            _points.add(refused, (("outcome", "refused"),))
        _points.add(max(0, points - refused), (("outcome", "taken"),))
        taken += max(0, points - refused)
    return taken
