"""Liveness and readiness answered by the first middleware: before host validation, redirects, sessions and log-in.

A kubelet sends the pod's address as Host, which `ALLOWED_HOSTS` refuses, and plain HTTP, which `SECURE_SSL_REDIRECT`
redirects: to another host that is a false "healthy", to the same host over TLS a failure.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, get_script_prefix, reverse

from ..conf import get_settings, on_settings_change
from ..core.guard import report
from .access import client_of

_PROBES = ("liveness", "readiness")
known_paths: dict[str, str] | None = None
"""The probes by their `path_info`; nothing until the first request has asked."""


def answer_probe(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a probe, None for any other request; blocks for the readiness budget at most.

    Only GET and HEAD of the exact paths. 0.2 us for what is no probe: every request of the site passes here.
    """
    paths = known_paths
    if paths is None:
        paths = _resolve()
    probe = paths.get(request.path_info)
    if probe is None or request.method not in ("GET", "HEAD"):
        return None
    # Imported by the first probe: the checks and what they need would add a fifth to the start of every process.
    from .answers import answer
    from .views import alive, render

    if probe == "liveness":
        return alive()
    try:
        return render(answer("READINESS", client_of(request)))
    except Exception as exc:
        return _unable(exc)


def answer_probe_async(request: HttpRequest) -> Coroutine[Any, Any, HttpResponse] | None:
    """Return a coroutine that gives the answer to a probe without blocking the event loop; None for other requests."""
    paths = known_paths
    if paths is None:
        paths = _resolve()
    probe = paths.get(request.path_info)
    if probe is None or request.method not in ("GET", "HEAD"):
        return None
    return _answer_async(request, probe)


async def _answer_async(request: HttpRequest, probe: str) -> HttpResponse:
    from .answers import answer_async
    from .views import alive, render

    if probe == "liveness":
        return alive()
    try:
        return render(await answer_async("READINESS", client_of(request)))
    except Exception as exc:
        return _unable(exc)


def _unable(exc: Exception) -> HttpResponse:
    # A probe that cannot be answered must not say "ready", and must not tell why to everybody.
    from .answers import Answer
    from .base import Status
    from .views import render

    report("health.fast", exc)
    return render(Answer(Status.FAIL))


def _resolve() -> dict[str, str]:
    """Find the paths once: the URLconf is loaded by the first request anyway."""
    global known_paths
    if not get_settings().PROBE_FAST_PATH:
        known_paths = {}
        return known_paths
    found: dict[str, str] = {}
    prefix = get_script_prefix()
    try:
        for probe in _PROBES:
            path = reverse(f"artisan_monitoring:{probe}", urlconf=django_settings.ROOT_URLCONF)
            found[f"/{path.removeprefix(prefix)}"] = probe
    except NoReverseMatch:
        found = {}  # not included in the URLconf: there are no probes
    except Exception as exc:
        # The URLconf does not load. Django will say so to this request; the next one may find it mended.
        if not isinstance(exc, ImproperlyConfigured):
            report("health.fast", exc)
        return {}
    known_paths = found
    return found


@on_settings_change
def _forget() -> None:
    global known_paths
    known_paths = None


def _urlconf_changed(*, setting: str, **kwargs: object) -> None:
    if setting in ("ROOT_URLCONF", "FORCE_SCRIPT_NAME"):
        _forget()


setting_changed.connect(_urlconf_changed, dispatch_uid="artisan_monitoring.health.fast")
