"""The job `export_otlp`: one process of the deployment sends the store's metrics, and backs off when it may not."""

from __future__ import annotations

import logging
import random
import time
from urllib.parse import urlsplit

from ...conf import get_settings
from ...metrics.collector import metrics_collector
from ...pipeline.jobs import register_job
from ...stores import get_store
from ...stores.base import Store
from .encoding import requests
from .sending import NotExported, post, refusal

JOB = "export_otlp"
NOTE = "otlp"
LONGEST_PAUSE_S = 600.0
SHORTEST_PERIOD_S = 1.0
LEASE_SHARE = 2
"""An export may take two of its periods; a job's lease lasts three."""

_logger = logging.getLogger("artisan_monitoring.otlp")
_points = metrics_collector.handle("artisan.otlp.points", unit="{point}", kind="counter")


def connect() -> None:
    """Register the job, if there is somewhere to export to."""
    if ready():
        register_job(JOB, max(SHORTEST_PERIOD_S, get_settings().OTLP.PERIOD_S), f"{__name__}.export_otlp")


def ready() -> bool:
    """Say whether the endpoint is a URL of HTTP; what else it may be, the system checks tell."""
    parts = urlsplit(get_settings().OTLP.ENDPOINT)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def export_otlp() -> int:
    """Send everything there is, and return how many points the endpoint took.

    Raise `NotExported` where it did not take them, and while the pause after that lasts: the job is not well before it
    is. Nothing is lost by that: totals are cumulative. Raise `StoreUnavailable` where the store cannot be asked.
    """
    store = get_store()
    note = store.notes(NOTE).get("pause")
    failures = 0
    if note is not None:
        failures = int(note.value["failures"])
        if store.now() < float(note.value["until"]):
            raise NotExported(f"waiting after {failures} failures: {note.value['problem']}")
    try:
        taken = _export(store)
    except NotExported as exc:
        _pause(store, failures + 1, exc)
        raise
    if failures:
        _keep(store, 0, 0.0, "", 1.0)
    return taken


def _export(store: Store) -> int:
    chosen = get_settings().OTLP
    taken, until = 0, time.monotonic() + LEASE_SHARE * chosen.PERIOD_S
    for request, points in requests(store, store.now() - 2 * chosen.PERIOD_S):
        if time.monotonic() > until:
            raise NotExported(f"the endpoint took {taken} points in {LEASE_SHARE} periods, and there are more")
        refused, why = refusal(post(chosen.ENDPOINT, chosen.HEADERS, request.SerializeToString(), chosen.TIMEOUT_S))
        if refused:
            _logger.warning("The OTLP endpoint refused %d of %d points: %s", refused, points, why)
            _points.add(refused, (("outcome", "refused"),))
        _points.add(max(0, points - refused), (("outcome", "taken"),))
        taken += max(0, points - refused)
    return taken


def _pause(store: Store, failures: int, problem: NotExported) -> None:
    """Have every process wait: a period after the first failure, then twice as long each time, up to ten minutes."""
    period_s = get_settings().OTLP.PERIOD_S
    pause_s = min(LONGEST_PAUSE_S, period_s * 2 ** min(failures - 1, 10)) * random.uniform(0.75, 1.0)  # noqa: S311
    pause_s = max(pause_s, problem.retry_after_s)
    _keep(store, failures, store.now() + pause_s, str(problem), pause_s + 2 * LONGEST_PAUSE_S)


def _keep(store: Store, failures: int, until: float, problem: str, ttl_s: float) -> None:
    store.set_note(NOTE, "pause", {"failures": failures, "until": until, "problem": problem}, ttl_s)
