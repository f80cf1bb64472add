"""System checks: what is wrong with the settings, each with an id of its own and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from . import health
from .conf import SETTING, Problem, get_settings, resolve
from .core.severity import parse
from .errors import problems as errors
from .stores.base import Store
from .stores.database import checks as database_checks

TAG = "artisan_monitoring"
PREFIX = "artisan_monitoring.middleware."
MIDDLEWARE = ("MonitoringMiddleware", "DatabaseMonitoringMiddleware", "SecurityMonitoringMiddleware")

IDS = {
    "E001": "`ARTISAN_MONITORING` has a key that does not exist; the hint names the nearest one.",
    "E002": "A key of `ARTISAN_MONITORING` has a value of the wrong type.",
    "E003": "A key of `ARTISAN_MONITORING` is not one of its choices.",
    "E004": "The store cannot be imported.",
    "E005": "The store does not take these options.",
    "E006": "A health token is too short to withstand guessing.",
    "E007": "A network or proxy is not an address or network.",
    "E008": "The settings of the health checks name what does not exist, or with wrong options.",
    "E009": "`OTLP` has no URL as its endpoint, a period, timeout or bound of nought, or not the extra `otel`.",
    "E010": "`ERRORS` names a kind of trail, a level, a status or a `BEFORE_SEND` that there is not.",
    "E013": 'A rule of `ERRORS["SEVERITY"]` asks for what there is not, or gives no severity.',
    "E014": "`ERRORS['FINGERPRINT']` is no function that can be imported.",
    "E016": "`OVERHEAD_BUDGET_MS` is below nought.",
    "W001": "`MonitoringMiddleware` is not in `MIDDLEWARE`.",
    "W002": "`MonitoringMiddleware` is not first in `MIDDLEWARE`.",
    "W003": "Another middleware of this app stands before `MonitoringMiddleware`.",
    "W004": "Threads cannot run in this server, and `FLUSH` is `thread`.",
}
"""Every id of this module (stores have their own, from 101), and what it means."""

_KINDS = {
    "unknown": "E001", "type": "E002", "choice": "E003",
    "token": "E006", "network": "E007", "check": "E008", "external": "E008",
}  # fmt: skip


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Run every check of this app."""
    return [message for check in CHECKS for message in check()]


def _settings() -> Iterator[CheckMessage]:
    _, problems = resolve(getattr(django_settings, SETTING, {}))
    yield from (_error(problem) for problem in problems)


def _health() -> Iterator[CheckMessage]:
    yield from (_error(problem) for problem in health.problems())


def _otlp() -> Iterator[CheckMessage]:
    chosen = get_settings().OTLP
    if not chosen.ENDPOINT:
        if chosen.LOGS:
            hint = "Set OTLP['ENDPOINT'] to the address of a collector."
            yield checks.Error("OTLP['LOGS'] is set, and there is no ENDPOINT.", hint=hint, id=f"{TAG}.E009")
        return
    parts = urlsplit(chosen.ENDPOINT)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = "Make it the address of a collector, such as http://collector:4318."
        yield checks.Error("OTLP['ENDPOINT'] is not a URL of http or https.", hint=hint, id=f"{TAG}.E009")
    if chosen.PERIOD_S < 1 or chosen.TIMEOUT_S <= 0:
        hint = "A period of 60 and a timeout of 10 seconds are OpenTelemetry's own defaults."
        yield checks.Error("OTLP needs a PERIOD_S of 1 or more, and a TIMEOUT_S.", hint=hint, id=f"{TAG}.E009")
    if chosen.LOGS and (chosen.LOG_LINES < 1 or chosen.LOG_HOURS <= 0):
        hint = "They say how much may wait while the endpoint is away: 100,000 lines for 24 hours."
        yield checks.Error("OTLP needs LOG_LINES of 1 or more, and LOG_HOURS.", hint=hint, id=f"{TAG}.E009")
    # The namespace package alone is there with any other part of OpenTelemetry.
    if not find_spec("opentelemetry") or not find_spec("opentelemetry.proto"):
        hint = "pip install artisan-monitoring[otel]"
        yield checks.Error("OTLP needs the package opentelemetry-proto.", hint=hint, id=f"{TAG}.E009")


def _overhead() -> Iterator[CheckMessage]:
    budget_ms = get_settings().OVERHEAD_BUDGET_MS
    if not budget_ms >= 0:
        hint = (
            "Make it the milliseconds of processor time that a request may cost, such as 2; 0 switches the budget off."
        )
        yield checks.Error(f"OVERHEAD_BUDGET_MS is {budget_ms:g}.", hint=hint, id=f"{TAG}.E016")


def _fingerprint() -> Iterator[CheckMessage]:
    path = get_settings().ERRORS.FINGERPRINT
    if not path:
        return
    try:
        found = callable(import_string(path))
    except ImportError:
        found = False
    if not found:
        hint = "Name a function that takes an Occurrence and returns text, a list of text or None."
        yield checks.Error(f"ERRORS['FINGERPRINT'] names {path!r}, which is none.", hint=hint, id=f"{TAG}.E014")


def _severity_rules() -> Iterator[CheckMessage]:
    for problem in parse(get_settings().ERRORS.SEVERITY)[1]:
        hint = "Conditions: a dotted type, handled, unhandled, in-app, library, new, status=4xx, mechanism=celery."
        yield checks.Error(f"ERRORS['SEVERITY'] {problem}.", hint=hint, id=f"{TAG}.E013")


def _errors() -> Iterator[CheckMessage]:
    for message, hint in errors.problems():
        yield checks.Error(message, hint=hint, id=f"{TAG}.E010")


def _error(problem: Problem) -> CheckMessage:
    return checks.Error(problem.message, hint=problem.hint, obj=problem.key, id=f"{TAG}.{_KINDS[problem.kind]}")


def _store() -> Iterator[CheckMessage]:
    chosen = get_settings().STORE
    try:
        backend = import_string(chosen.BACKEND)
    except (ImportError, ValueError) as exc:
        hint = (
            "STORE['BACKEND'] is the dotted path of a store class, such as artisan_monitoring.stores.redis.RedisStore."
        )
        yield checks.Error(f"The store {chosen.BACKEND!r} cannot be imported: {exc}", hint=hint, id=f"{TAG}.E004")
        return
    try:
        store: Store = backend(**chosen.OPTIONS)
    except Exception as exc:
        hint = "See the reference of settings for the options of this store."
        yield checks.Error(f"The store {chosen.BACKEND!r} cannot be made: {exc}", hint=hint, id=f"{TAG}.E005")
        return
    seen = set()
    for message in (*store.check(), *database_checks.check(get_settings().DATABASE)):
        if message.id not in seen:  # rows live in the database whatever the store is, so both may look at it
            seen.add(message.id)
            yield message
    store.close()


def _middleware() -> Iterator[CheckMessage]:
    listed = list(django_settings.MIDDLEWARE)
    ours = [path for path in listed if path.startswith(PREFIX)]
    first = f"{PREFIX}{MIDDLEWARE[0]}"
    if first not in listed:
        hint = f'Put "{first}" first in MIDDLEWARE.'
        yield checks.Warning(
            "Requests are not monitored: MonitoringMiddleware is missing.", hint=hint, id=f"{TAG}.W001"
        )
        return
    if ours[0] != first:
        hint = f'Put "{first}" before {", ".join(ours[: ours.index(first)])}.'
        yield checks.Warning("MonitoringMiddleware makes what the others need.", hint=hint, id=f"{TAG}.W003")
    elif listed[0] != first:
        hint = f'Put "{first}" first in MIDDLEWARE: what stands before it is not measured, and probes meet it.'
        yield checks.Warning("MonitoringMiddleware is not first in MIDDLEWARE.", hint=hint, id=f"{TAG}.W002")


def _threads() -> Iterator[CheckMessage]:
    if get_settings().FLUSH != "thread" or _threads_run():
        return
    hint = 'Start uWSGI with --enable-threads, or set FLUSH to "request_finished".'
    yield checks.Warning("uWSGI runs without threads: nothing would be flushed.", hint=hint, id=f"{TAG}.W004")


def _threads_run() -> bool:
    """Say whether Python threads run here: uWSGI has none unless told."""
    try:
        import uwsgi  # exists inside uWSGI alone
    except ImportError:
        return True
    return "enable-threads" in uwsgi.opt or "threads" in uwsgi.opt


CHECKS: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    _settings, _store, _health, _errors, _otlp, _severity_rules, _fingerprint, _overhead, _middleware, _threads,
)  # fmt: skip
