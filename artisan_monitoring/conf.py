"""The one setting `ARTISAN_MONITORING`: typed defaults with their reasons, and how all rooms read them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from functools import cache, lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from .core.redaction import Redactor

SETTING = "ARTISAN_MONITORING"


def option(default: Any, reason: str) -> Any:
    """Declare a setting: its default, and why it is that."""
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"reason": reason})
    return field(default=default, metadata={"reason": reason})


def section(kind: type, reason: str) -> Any:
    """Declare a setting that is a dictionary with keys of its own."""
    return field(default_factory=kind, metadata={"reason": reason})


@dataclass(frozen=True, slots=True)
class StoreSettings:
    BACKEND: str = option("artisan_monitoring.stores.database.DatabaseStore", "Works with nothing else installed.")
    OPTIONS: dict[str, Any] = option({}, "Keyword arguments of the backend.")


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    METRICS: int = option(7, "Days of one-minute and ten-minute buckets.")
    ROLLUPS: int = option(90, "Days of hourly and daily roll-ups: a quarter can be compared with the one before.")
    ERRORS: int = option(30, "Days an error's samples are kept: a monthly release cycle fits.")
    ALERTS: int = option(7, "Days an alert is kept after it resolved.")
    SECURITY: int = option(90, "Days of security events: intrusions are often found weeks later.")
    ACTIVITY: int = option(30, "Days of user activity: personal data, so no longer than needed.")
    LOGS: int = option(30, "Days of rotated log files.")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    SERIES_PER_METRIC: int = option(2000, "OpenTelemetry's cardinality limit; beyond it, one overflow series.")
    METRICS: int = option(500, "Metric names a process may have.")
    SERIES: int = option(10_000, "Series a process may have: about 20 MB if all are distributions.")
    STORE_SERIES: int = option(50_000, "Series a store may have.")
    INBOX_BYTES: int = option(64 * 1024 * 1024, "Undrained batches a shard may hold before samples are refused.")


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    IP: str = option("truncate", "`full`, `truncate` (/24, /48), `hash` (keyed, daily) or `none`.")


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    KEYS: tuple[str, ...] = option((), "Further key names whose values are secret.")
    ALLOW: tuple[str, ...] = option((), "Key names that are never secret, whatever they look like.")


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    ENABLED: bool = option(True, "One record per request, to the logger `artisan_monitoring.access`.")
    EXCLUDE: tuple[str, ...] = option(
        ("/health/", "/static/"), "Path prefixes that are not logged when the answer is below 400."
    )
    SLOW_MS: int = option(1000, "A request at least this slow is logged as a warning.")


@dataclass(frozen=True, slots=True)
class HealthSettings:
    TOKENS: tuple[str, ...] = option((), "Bearer tokens for `detailed` and `metrics`; several allow rotation.")
    NETWORKS: tuple[str, ...] = option((), "Peers (CIDR) that may read `detailed` and `metrics`.")
    EXTERNAL: tuple[Mapping[str, Any], ...] = option(
        (), "External APIs to check: NAME, URL, and optionally TIMEOUT, STATUS, CRITICAL."
    )
    DRAIN_FILE: str = option("", "While this file exists, readiness answers 503; empty: a file in the temp directory.")
    RATE_LIMIT: int = option(60, "Calls a minute per client and process: six times Kubernetes' default.")
    BUDGET_S: float = option(0.8, "Readiness answers within this: Kubernetes gives up after 1 s.")
    CACHE_S: float = option(1.0, "How old a readiness result may be.")
    DETAILED_BUDGET_S: float = option(5.0, "How long `detailed` and the job wait for a check: a person can wait.")
    STARTUP: tuple[str, ...] = option(("migrations",), "Checks that must pass once before a process takes traffic.")
    READINESS: tuple[str, ...] = option(
        ("database", "migrations"), "What no request can do without; a cache or an API that is away does not count."
    )
    SUMMARY: tuple[str, ...] = option((), "Checks behind the one word of `/health/`; empty: those of `DETAILED`.")
    DETAILED: tuple[str, ...] = option((), "Checks of `/health/detailed` and of the job; empty: every check there is.")
    CHECKS: dict[str, Mapping[str, Any]] = option(
        {}, "By name: `OPTIONS` of a built-in check, or `BACKEND` (dotted class) and `OPTIONS` of one of your own."
    )
    READINESS_SHARED_FAILURE: str = option(
        "fail", "`warn` keeps replicas in service while a dependency that all of them share is away."
    )
    CELERY: str = option("auto", "`auto`: workers and beat are expected once they were seen; `on`, `off`.")
    FAIL_AFTER: int = option(3, "Failures in a row before the job calls a check failed: one lost packet is no outage.")
    RECOVER_AFTER: int = option(1, "Successes in a row before it calls it well again.")


@dataclass(frozen=True, slots=True)
class ErrorSettings:
    LOCALS: bool = option(True, "Keep the local variables of frames, redacted.")
    IN_APP_INCLUDE: tuple[str, ...] = option((), "Module prefixes that count as the project's own.")
    IN_APP_EXCLUDE: tuple[str, ...] = option((), "Module prefixes that never do.")
    IGNORE: tuple[str, ...] = option((), "Dotted exception classes that are not recorded.")


@dataclass(frozen=True, slots=True)
class QuerySettings:
    SLOW_MS: int = option(100, "A query at least this slow is logged: ten times what a page can afford.")
    SLOW_LOGS_PER_MINUTE: int = option(60, "Slow queries logged a minute and process; all are counted.")


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    ENABLED: bool = option(True, "Look at requests for signs of an attack; nothing is ever blocked.")
    BURST: int = option(20, "Refused or missing pages (401, 403, 404) a minute and client that make an event.")
    SCORE: int = option(5, "A request whose findings add up to this makes an event: the Core Rule Set's threshold.")
    LOGIN_FAILURES: int = option(10, "Failed log-ins in 15 minutes, per client or account, that make an event.")
    IGNORE_RULES: tuple[str, ...] = option((), "Rule ids that are wrong too often here, such as `xss.embed`.")
    EXCLUDE: tuple[str, ...] = option((), "Path prefixes whose requests are not searched, such as an HTML editor's.")
    USER_LABEL: str = option("", "Attribute of the user shown beside the key (`username`); empty: the key alone.")


@dataclass(frozen=True, slots=True)
class AlertSettings:
    EMAIL_TO: tuple[str, ...] = option((), "Who gets alerts by e-mail; empty: `ADMINS`.")
    CHANNELS: dict[str, Any] = option(
        {}, "Where alerts are told, by name: BACKEND and OPTIONS; empty: the log, and e-mail if anybody is named."
    )
    BASE_URL: str = option("", "Where the site is reached, for links in messages: a job has no request to ask.")


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """Every key of `ARTISAN_MONITORING`. Sections are dictionaries in the project and dataclasses here."""

    ENABLED: bool = option(True, "Off: the middleware pass requests through untouched and nothing is recorded.")
    SERVICE: str = option("django", "The service's name in logs, health and exports.")
    ENVIRONMENT: str = option("development", "The deployment's name; `development` makes errors of use loud.")
    RELEASE: str = option("", "The running version, shown beside each error.")
    HOST: str = option("", "This machine's name; empty: what the system says.")
    LOGGER: str = option("artisan-platform", "The logger behind `artisan_monitoring.logger`.")
    DATABASE: str = option("default", "The database alias of this app's tables; with SQLite use one of its own.")
    STORE: StoreSettings = section(StoreSettings, "Where batches and metric buckets go.")
    FLUSH: str = option("thread", "`thread`, or `request_finished` where threads cannot run (uWSGI without threads).")
    FLUSH_INTERVAL_S: float = option(0.0, "Seconds between flushes; 0: what the store asks for (5 Redis, 15 database).")
    HOUSEKEEPING: str = option("auto", "Who runs the jobs: `auto`, `celery`, `process` or `off`.")
    IN_TESTS: bool = option(False, "Run threads and the store under a test runner too.")
    STRICT: bool = option(False, "Raise `InvalidMetric` to the caller outside DEBUG too.")
    TRUSTED_PROXIES: tuple[str, ...] = option((), "Proxies (CIDR) whose forwarding header and request id are believed.")
    FORWARDED_HEADER: str = option("X-Forwarded-For", "The one header in which trusted proxies name the client.")
    REQUEST_ID_HEADER: str = option("X-Request-ID", "The header that carries the request id, in and out.")
    PROBE_FAST_PATH: bool = option(True, "Answer probes before host validation, redirects and sessions.")
    ACTIVITY: bool = option(True, "Record when each user was last seen, and how many requests a day.")
    ACCESS_LOG: AccessLogSettings = section(AccessLogSettings, "The access log.")
    RETENTION: RetentionSettings = section(RetentionSettings, "How many days things are kept.")
    LIMITS: LimitSettings = section(LimitSettings, "Bounds of memory and storage.")
    PRIVACY: PrivacySettings = section(PrivacySettings, "What is kept of a person.")
    REDACTION: RedactionSettings = section(RedactionSettings, "What is taken out before anything is buffered.")
    HEALTH: HealthSettings = section(HealthSettings, "Health endpoints and checks.")
    ERRORS: ErrorSettings = section(ErrorSettings, "Error capture.")
    QUERIES: QuerySettings = section(QuerySettings, "Database monitoring.")
    SECURITY: SecuritySettings = section(SecuritySettings, "Security monitoring.")
    ALERTS: AlertSettings = section(AlertSettings, "Alerting.")


CHOICES: dict[str, tuple[str, ...]] = {
    "FLUSH": ("thread", "request_finished"),
    "HOUSEKEEPING": ("auto", "celery", "process", "off"),
    "HEALTH.READINESS_SHARED_FAILURE": ("fail", "warn"),
    "HEALTH.CELERY": ("auto", "on", "off"),
    "PRIVACY.IP": ("full", "truncate", "hash", "none"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key: `kind` is `unknown`, `type` or `choice`; `hint` says what to do."""

    kind: str
    key: str
    message: str
    hint: str


def resolve(user: object) -> tuple[MonitoringSettings, list[Problem]]:
    """Merge the project's dictionary over the defaults.

    What is wrong is returned as problems for the system checks, and its default used: a typing error in a setting
    must not take the site down.
    """
    problems: list[Problem] = []
    if not isinstance(user, Mapping):
        problems.append(Problem("type", SETTING, f"{SETTING} is not a dictionary.", "Make it a dictionary."))
        user = {}
    return _build(MonitoringSettings, user, "", problems), problems


def _build(kind: type[Any], user: Mapping[object, object], prefix: str, problems: list[Problem]) -> Any:
    known = {each.name: each for each in fields(kind)}
    hints = _hints(kind)
    accepted: dict[str, object] = {}
    for key, value in user.items():
        path = f"{prefix}{key}"
        if not isinstance(key, str) or key not in known:
            near = difflib.get_close_matches(str(key).upper(), known, n=1, cutoff=0.5)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known keys: {', '.join(sorted(known))}."
            problems.append(Problem("unknown", path, f"{SETTING} has no key {path!r}.", hint))
        elif is_dataclass(hints[key]):
            accepted[key] = _build_section(hints[key], value, path, problems)
        else:
            _accept(accepted, known[key], hints[key], value, path, problems)
    return kind(**accepted)


def _build_section(kind: Any, value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, Mapping):
        return _build(kind, value, f"{path}.", problems)
    problems.append(Problem("type", path, f"{SETTING}[{path!r}] is not a dictionary.", "Make it a dictionary."))
    return kind()


def _accept(
    accepted: dict[str, object], spec: Field[Any], hint: Any, value: object, path: str, problems: list[Problem]
) -> None:
    if isinstance(value, list | set) and get_origin(hint) is tuple:
        value = tuple(value)
    if not _fits(value, hint):
        wanted = getattr(hint, "__name__", None) if get_origin(hint) is None else str(hint)
        message = f"{SETTING} {path} is {type(value).__name__}, not {wanted}."
        problems.append(Problem("type", path, message, f"Why it exists: {spec.metadata['reason']}"))
    elif path in CHOICES and value not in CHOICES[path]:
        hint_text = f"Use one of {', '.join(CHOICES[path])}."
        problems.append(Problem("choice", path, f"{SETTING} {path} is {value!r}.", hint_text))
    else:
        accepted[spec.name] = value


def _fits(value: object, hint: Any) -> bool:
    """Say whether a value has the declared type; an `int` is a fine `float`, a `bool` is not a fine `int`."""
    if hint is Any:
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in value)
    if origin is not None:
        return isinstance(value, origin)
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return isinstance(value, hint)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@lru_cache(maxsize=1)
def get_settings() -> MonitoringSettings:
    """Return the settings in force. Cached until `ARTISAN_MONITORING` changes."""
    return resolve(getattr(django_settings, SETTING, {}))[0]


@lru_cache(maxsize=1)
def redactor() -> Redactor:
    """Return the redactor that all rooms share, bound to the settings in force."""
    chosen = get_settings().REDACTION
    return Redactor(extra_keys=chosen.KEYS, allow=chosen.ALLOW)


def in_tests() -> bool:
    """Say whether a test runner is at work (Django's `setup_test_environment` has been called)."""
    from django.core import mail

    return hasattr(mail, "outbox")


def active() -> bool:
    """Say whether threads and the store may run: not under a test runner, unless `IN_TESTS`."""
    chosen = get_settings()
    return chosen.ENABLED and (chosen.IN_TESTS or not in_tests())


_callbacks: list[Callable[[], None]] = []


def on_settings_change(callback: Callable[[], None]) -> Callable[[], None]:
    """Call `callback` now if the settings are configured, and after each change: for copies bound on the hot path."""
    _callbacks.append(callback)
    if django_settings.configured:
        callback()
    return callback


def _renew(*, setting: str, **kwargs: object) -> None:
    # DEBUG is among what bound copies look at.
    if setting in (SETTING, "DEBUG", "DATABASES", "CACHES"):
        get_settings.cache_clear()
        redactor.cache_clear()
        for callback in _callbacks:
            callback()


setting_changed.connect(_renew, dispatch_uid="artisan_monitoring.conf")
