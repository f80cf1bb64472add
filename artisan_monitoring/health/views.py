"""The health views: thin, GET and HEAD only, never in a transaction, never behind a log-in page."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from ..conf import get_settings
from ..core import guard
from ..exceptions import StoreError
from . import access, limits, metrics_json, registry, report
from .answers import Answer, answer, terms
from .base import Status
from .prober import prober
from .traffic import drained_since

View = Callable[..., HttpResponse]
_MAX_ACCEPT = 1000

# By name, not by import: integrations stand above health.
EXPOSE = "artisan_monitoring.integrations.prometheus.expose"


class _EveryAlias(frozenset[str]):
    # Django opens ATOMIC_REQUESTS' transaction on each alias that is not in this set.
    def __contains__(self, alias: object) -> bool:
        return True


def _health_view(view: View) -> View:
    """Mark a view: safe methods only, no transaction on any alias, exempt from LoginRequiredMiddleware."""
    marked: Any = require_safe(view)
    marked._non_atomic_requests = _EveryAlias()
    marked.login_required = False
    return cast("View", marked)


def _limited(view: View) -> View:
    """Ask for rights and keep to the limit: these are for people and scrapers, who understand a 429."""

    @wraps(view)
    def limited_view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        limit = get_settings().HEALTH.RATE_LIMIT
        retry_after = limits.details.retry_after(access.client_of(request), limit, time.monotonic())
        if retry_after:
            refused = JsonResponse({"error": "Too many calls from this client."}, status=429)
            refused["Retry-After"] = str(retry_after)
            return refused
        return access.refusal(request) or view(request, *args, **kwargs)

    return limited_view


def render(answered: Answer) -> HttpResponse:
    """Return the public payload: the status and nothing else."""
    body = f'{{"status": "{answered.status}"}}'
    return _sealed(HttpResponse(body, report.CONTENT_TYPE, answered.status.http_status), answered)


def alive() -> HttpResponse:
    """Return liveness: a constant. That it was sent is the whole message."""
    return _sealed(HttpResponse('{"status": "pass"}', report.CONTENT_TYPE))


def _sealed(response: HttpResponse, answered: Answer | None = None) -> HttpResponse:
    # The fast path goes by CommonMiddleware, which would have set the length.
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    if answered is not None:
        response["Age"] = str(answered.age_s)
    return response


@_health_view
def liveness(request: HttpRequest) -> HttpResponse:
    """Tell that this process answers. No I/O at all: what a restart does not cure must not restart it."""
    return alive()


@_health_view
def readiness(request: HttpRequest) -> HttpResponse:
    """Tell whether this process should get traffic: not drained, and what every request needs is there."""
    return render(answer("READINESS", access.client_of(request)))


@_health_view
def readiness_of(request: HttpRequest, name: str) -> HttpResponse:
    """Tell the status of one check of the readiness list; 404 for any other name."""
    if name not in registry.listed("READINESS"):
        raise Http404("no such check")
    results = prober.collect(registry.named(name), **terms("READINESS"))
    return render(Answer(report.overall(results)))


@_health_view
def startup(request: HttpRequest) -> HttpResponse:
    """Tell whether this process has started: 503 until the migrations are applied, then 200 for good."""
    return render(answer("STARTUP", access.client_of(request)))


@_health_view
def health(request: HttpRequest) -> HttpResponse:
    """Say one word about everything: as text, or as health+json to those who accept only that."""
    answered = answer("SUMMARY", access.client_of(request))
    response = render(answered) if _wants_json(request) else _word(answered)
    response["Vary"] = "Accept"
    return response


def _word(answered: Answer) -> HttpResponse:
    body = f"{answered.status}\n"
    return _sealed(HttpResponse(body, "text/plain; charset=utf-8", answered.status.http_status), answered)


def _wants_json(request: HttpRequest) -> bool:
    if len(request.META.get("HTTP_ACCEPT", "")) > _MAX_ACCEPT:
        return False  # taking it apart would cost more than the answer
    chosen = request.get_preferred_type(["text/plain", "application/health+json", "application/json"])
    return chosen is not None and chosen != "text/plain"


@_health_view
@_limited
def detailed(request: HttpRequest) -> HttpResponse:
    """Show every check with what it measured, to those with rights."""
    results = prober.collect(registry.checks("DETAILED"), **terms("DETAILED"))
    since = drained_since()
    notes = [f"out of traffic since {report.timestamp(since)}"] if since is not None else []
    status: Status = report.overall(results)
    payload = report.detailed(results, notes)
    return _sealed(JsonResponse(payload, content_type=report.CONTENT_TYPE, status=status.http_status))


@_health_view
@_limited
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the requests of a window as JSON, to those with rights; `?window=1h|6h|24h|7d`."""
    window = request.GET.get("window", "1h")
    if window not in metrics_json.WINDOWS:
        known = ", ".join(metrics_json.WINDOWS)
        return JsonResponse({"error": f"window must be one of {known}"}, status=400)
    try:
        response = JsonResponse(metrics_json.document(window, time.time()))
    except (StoreError, DatabaseError) as exc:
        guard.report("health.metrics", exc)
        response = JsonResponse({"error": "the store cannot be read now"}, status=503)
    return _sealed(response)


@_health_view
@_limited
def prometheus(request: HttpRequest) -> HttpResponse:
    """Show every metric in the format of Prometheus that the scraper accepts, to those with rights."""
    try:
        body, content_type = import_string(EXPOSE)(request.META.get("HTTP_ACCEPT", ""))
        response = HttpResponse(body, content_type)
    except (StoreError, DatabaseError) as exc:
        guard.report("health.prometheus", exc)
        response = HttpResponse("the store cannot be read now\n", "text/plain; charset=utf-8", status=503)
    response["Vary"] = "Accept"
    return _sealed(response)
