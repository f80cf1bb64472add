"""Every key of `ARTISAN_MONITORING`: its type, its default, and why it is that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Section, option, section


class StoreSettings(Section):
    BACKEND: str = option("artisan_monitoring.stores.database.DatabaseStore", "Works with nothing else installed.")
    OPTIONS: dict[str, Any] = option({}, "Keyword arguments of the backend.")


class RetentionSettings(Section):
    METRICS: int = option(7, "Days of one-minute and ten-minute buckets.")
    ROLLUPS: int = option(90, "Days of hourly and daily roll-ups: a quarter can be compared with the one before.")
    ERRORS: int = option(30, "Days an error's samples are kept: a monthly release cycle fits.")
    ALERTS: int = option(7, "Days an alert is kept after it resolved.")
    SECURITY: int = option(90, "Days of security events: intrusions are often found weeks later.")
    ACTIVITY: int = option(30, "Days of user activity: personal data, so no longer than needed.")
    LOGS: int = option(30, "Days of rotated log files.")


class LimitSettings(Section):
    SERIES_PER_METRIC: int = option(2000, "OpenTelemetry's cardinality limit; beyond it, one overflow series.")
    METRICS: int = option(500, "Metric names a process may have.")
    SERIES: int = option(10_000, "Series a process may have: about 20 MB if all are distributions.")
    STORE_SERIES: int = option(50_000, "Series a store may have.")
    INBOX_BYTES: int = option(64 * 1024 * 1024, "Undrained batches a shard may hold before samples are refused.")
    ERROR_SAMPLES: int = option(
        10_000, "Errors kept in full, at most 6 kB each: 60 MB; beyond it the least telling go."
    )


class PrivacySettings(Section):
    IP: str = option("truncate", "`full`, `truncate` (/24, /48), `hash` (keyed, daily) or `none`.")
    EMAIL: str = option("mask", "E-mail addresses in text: `mask` (`a...@example.org`), `full` or `none`.")
    PHONE: str = option("mask", "Telephone numbers in text (`+49...67`): `mask`, `full` or `none`.")


class RedactionSettings(Section):
    KEYS: tuple[str, ...] = option((), "Further key names whose values are secret.")
    ALLOW: tuple[str, ...] = option((), "Key names that are never secret, whatever they look like.")


class AccessLogSettings(Section):
    ENABLED: bool = option(True, "One record per request, to the logger `artisan_monitoring.access`.")
    EXCLUDE: tuple[str, ...] = option(
        ("/health/", "/static/"), "Path prefixes that are not logged when the answer is below 400."
    )
    SLOW_MS: int = option(1000, "A request at least this slow is logged as a warning.")


class HealthSettings(Section):
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


class HostMetricsSettings(Section):
    ENABLED: bool = option(True, "Sample host and process at each flush, in the background: 0.2 ms.")
    FILESYSTEMS: tuple[str, ...] = option(
        ("/",), "Paths whose file systems are measured. Local ones: a network server that hangs would hold up a flush."
    )


class ErrorSettings(Section):
    LOCALS: bool = option(True, "Keep the local variables of frames, redacted.")
    IN_APP_INCLUDE: tuple[str, ...] = option((), "Module prefixes that count as the project's own.")
    IN_APP_EXCLUDE: tuple[str, ...] = option((), "Module prefixes that never do.")
    IGNORE: tuple[str, ...] = option((), "Dotted exception classes, and names of loggers, that are not recorded.")
    LOGS: str = option("ERROR", "Level from which a log record is an error; empty: none is.")
    ANSWERED: tuple[int, ...] = option(
        (), "Statuses below 500 whose exceptions are recorded, such as 403; none: bots would fill the list."
    )
    WARNINGS: bool = option(False, "Record deprecation warnings, one a place: for the weeks before an upgrade.")
    RETRIES: bool = option(False, "Record Celery retries too, as handled: a task tried again has not failed yet.")
    TRAIL: tuple[str, ...] = option(
        ("log", "query"), "What an error shows of what came before: `log`, `query`, `cache`, `http`, `httpx`."
    )
    BEFORE_SEND: str = option("", "Dotted function that gets each error, may change it, and may drop it.")
    FINGERPRINT: str = option("", "Dotted path of a function that says what makes two errors one group.")
    SEVERITY: dict[str, str] = option({}, "Severities by rule, the first that matches: `{'shop.errors.*': 'LOW'}`.")
    DIGEST: str = option("off", "`daily` or `weekly` mails what is new, regressed and noisy; nobody is mailed unasked.")
    DIGEST_TO: tuple[str, ...] = option((), "Who gets the digest; empty: `ALERTS['EMAIL_TO']`, else `ADMINS`.")
    DIGEST_HOUR: int = option(7, "The hour, in `TIME_ZONE`, at which it is due: read before work begins.")
    DIGEST_EMPTY: bool = option(False, "Send it also when there is nothing to tell: a sign of life.")


class QuerySettings(Section):
    SLOW_MS: int = option(100, "A query at least this slow is logged: ten times what a page can afford.")
    SLOW_LOGS_PER_MINUTE: int = option(60, "Slow queries logged a minute and process; all are counted.")


class SecuritySettings(Section):
    ENABLED: bool = option(True, "Look at requests for signs of an attack; nothing is ever blocked.")
    BURST: int = option(20, "Refused or missing pages (401, 403, 404) a minute and client that make an event.")
    SCORE: int = option(5, "A request whose findings add up to this makes an event: the Core Rule Set's threshold.")
    LOGIN_FAILURES: int = option(10, "Failed log-ins in 15 minutes, per client or account, that make an event.")
    IGNORE_RULES: tuple[str, ...] = option((), "Rule ids that are wrong too often here, such as `xss.embed`.")
    EXCLUDE: tuple[str, ...] = option((), "Path prefixes whose requests are not searched, such as an HTML editor's.")
    USER_LABEL: str = option("", "Attribute of the user shown beside the key (`username`); empty: the key alone.")


class AlertSettings(Section):
    EMAIL_TO: tuple[str, ...] = option((), "Who gets alerts by e-mail; empty: `ADMINS`.")
    CHANNELS: dict[str, Any] = option(
        {}, "Where alerts are told, by name: BACKEND and OPTIONS; empty: the log, and e-mail if anybody is named."
    )
    BASE_URL: str = option("", "Where the site is reached, for links in messages: a job has no request to ask.")


class OtlpSettings(Section):
    ENDPOINT: str = option("", "Where metrics and log records go, such as `http://collector:4318`; empty: nowhere.")
    HEADERS: dict[str, str] = option({}, "Sent with each export: an API key, a tenant.")
    PERIOD_S: float = option(60.0, "Seconds between exports: the default of OpenTelemetry's own exporters.")
    TIMEOUT_S: float = option(10.0, "Seconds one request may take: the default of OpenTelemetry's own exporters.")
    LOGS: str = option("", "Log records of this level and above are exported too, such as `WARNING`; empty: none.")
    LOG_LINES: int = option(
        100_000, "Lines that may wait for the endpoint, about 6 MB packed; what comes then is dropped."
    )
    LOG_HOURS: float = option(24.0, "How long a line may wait: a day's outage is repaired within the day.")


class MonitoringSettings(Section):
    """Every key of `ARTISAN_MONITORING`. Sections are dictionaries in the project."""

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
    APDEX_MS: float = option(500.0, "Apdex' target: a request within it satisfies, within four times it is tolerated.")
    OVERHEAD_BUDGET_MS: float = option(
        2.0, "Processor time of a request (p99) above which monitoring's costly parts step down; 0: they never do."
    )
    ACCESS_LOG: AccessLogSettings = section(AccessLogSettings, "The access log.")
    RETENTION: RetentionSettings = section(RetentionSettings, "How many days things are kept.")
    LIMITS: LimitSettings = section(LimitSettings, "Bounds of memory and storage.")
    PRIVACY: PrivacySettings = section(PrivacySettings, "What is kept of a person.")
    REDACTION: RedactionSettings = section(RedactionSettings, "What is taken out before anything is buffered.")
    HOST_METRICS: HostMetricsSettings = section(HostMetricsSettings, "Metrics of the machine and the processes.")
    HEALTH: HealthSettings = section(HealthSettings, "Health endpoints and checks.")
    ERRORS: ErrorSettings = section(ErrorSettings, "Error capture.")
    QUERIES: QuerySettings = section(QuerySettings, "Database monitoring.")
    SECURITY: SecuritySettings = section(SecuritySettings, "Security monitoring.")
    ALERTS: AlertSettings = section(AlertSettings, "Alerting.")
    OTLP: OtlpSettings = section(OtlpSettings, "Export of metrics and log records by OpenTelemetry's protocol.")


CHOICES: dict[str, tuple[str, ...]] = {
    "FLUSH": ("thread", "request_finished"),
    "HOUSEKEEPING": ("auto", "celery", "process", "off"),
    "HEALTH.READINESS_SHARED_FAILURE": ("fail", "warn"),
    "HEALTH.CELERY": ("auto", "on", "off"),
    "OTLP.LOGS": ("", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "ERRORS.DIGEST": ("off", "daily", "weekly"),
    "PRIVACY.IP": ("full", "truncate", "hash", "none"),
    "PRIVACY.EMAIL": ("mask", "full", "none"),
    "PRIVACY.PHONE": ("mask", "full", "none"),
}
