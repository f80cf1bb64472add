"""Is my installation right? Writes through every feature, and reads each back from a fresh process, as a user would."""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.urls import NoReverseMatch, resolve, reverse

from .conf import get_settings
from .core import context
from .core.records import AlertSeverity
from .errors.tracker import error_tracker
from .logs.logger import logger
from .metrics import queries
from .metrics.collector import metrics_collector
from .models import ErrorEvent, ErrorGroup, SecurityEvent
from .pipeline.flusher import flusher
from .pipeline.jobs import job_states, run_job
from .security.events import Origin, Sighting, record
from .stores import get_store

METRIC = "artisan.selftest"
EVENT = "malicious_extraneous"
TEST_NET = "192.0.2.1"  # RFC 5737: belongs to nobody
TIMEOUT_S = 60


class SelfTestError(Exception):
    """Raised on purpose by `manage.py monitoring_selftest`; delete its group whenever you like."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: what was tried, whether it came back, and what was seen or what to do."""

    part: str
    ok: bool
    detail: str


def run() -> list[Finding]:
    """Write, flush, drain, and read back from a fresh process; return what was found. Never raises."""
    nonce = secrets.token_hex(8)
    findings = [_tried("write", lambda: _write(nonce)), _tried("flush", _flush)]
    findings += _read_elsewhere(nonce)
    findings.append(_tried("clean up", lambda: _clean_up(nonce)))
    return findings


def _tried(part: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, step())
    except Exception as exc:
        return Finding(part, False, f"{type(exc).__name__}: {exc}")


# -- writing -----------------------------------------------------------------------------------------------------------


def _write(nonce: str) -> str:
    metrics_collector.record_metric(METRIC, 3, "count", {"nonce": nonce})
    metrics_collector.record_metric(f"{METRIC}.duration", 0.25, "seconds", {"nonce": nonce})
    password = _secret(nonce)
    try:
        raise SelfTestError(f"self-test {nonce}")
    except SelfTestError as exc:
        error_tracker.track_error(exc, AlertSeverity.LOW, context={"nonce": nonce, "password": password})
    record(Sighting(EVENT, Origin(client=TEST_NET, path=f"/selftest/{nonce}"), rule=f"selftest.{nonce}"))
    logger.info("self-test", nonce=nonce)
    return f"metric, error, security event and log record {nonce}"


def _secret(nonce: str) -> str:
    """Return what must never come out: the reader makes the same one to look for it."""
    return f"hunter2-{nonce[::-1]}"


def _flush() -> str:
    store = get_store()
    began = time.perf_counter()
    if not flusher.flush():
        raise RuntimeError("the store did not take the batch; is it reachable, and migrated?")
    for _ in range(20):
        run_job("drain")
        if not any(store.inbox_stats(shard).entries for shard in store.reading_shards()):
            break
        time.sleep(0.2)
    return f"{type(store).__name__}, {time.perf_counter() - began:.2f} s"


def _clean_up(nonce: str) -> str:
    using = get_settings().DATABASE
    # Earlier runs' samples share the group, and another run may be at work: only what carries this nonce goes.
    groups = ErrorGroup.objects.using(using).filter(type__endswith="SelfTestError", message__contains=nonce)
    events, _ = ErrorEvent.objects.using(using).filter(group__in=groups.values("pk")).delete()
    groups.delete()
    seen, _ = SecurityEvent.objects.using(using).filter(path=f"/selftest/{nonce}").delete()
    return f"{events} samples and {seen} security events deleted"


# -- reading, in another process ---------------------------------------------------------------------------------------


def _read_elsewhere(nonce: str) -> list[Finding]:
    """Run `monitoring_selftest --read` in a fresh interpreter; what it finds stands on its last line."""
    command = [sys.executable, *_manage(), "monitoring_selftest", "--read", nonce]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
        lines = child.stdout.strip().splitlines()
        found = [Finding(**each) for each in json.loads(lines[-1])]
    except Exception as exc:
        return [Finding("fresh process", False, f"{type(exc).__name__}: {exc}")]
    return [*found, _log_line(nonce, lines[:-1] + child.stderr.splitlines())]


def _manage() -> list[str]:
    script = sys.argv[0]
    return [script] if os.path.basename(script) == "manage.py" else ["-m", "django"]


def _log_line(nonce: str, lines: list[str]) -> Finding:
    """Find the line that the child logged, and say whether it is JSON with its field."""
    for line in lines:
        if nonce not in line:
            continue
        try:
            return Finding("log", json.loads(line).get("nonce") == nonce, "one JSON line with its fields")
        except ValueError:
            return Finding("log", True, "one line for people (logging_config(environment=...) makes it JSON)")
    hint = "no line came out: is LOGGING = logging_config(...), and its level INFO or lower?"
    return Finding("log", False, hint)


def read(nonce: str) -> list[Finding]:
    """Look for what was written, in this process, through the queries, the endpoints and the admin."""
    logger.info("self-test read", nonce=nonce)
    with override_settings(ALLOWED_HOSTS=[*settings.ALLOWED_HOSTS, "testserver"]):
        return [_tried(part, step) for part, step in _readers(nonce)]


def _readers(nonce: str) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "metric", lambda: _read_metric(nonce)
    yield "error", lambda: _read_error(nonce)
    yield "redaction", lambda: _read_redaction(nonce)
    yield "security event", lambda: _read_security(nonce)
    yield "middleware", _read_middleware
    yield "health endpoints", _read_health
    yield "admin", lambda: _read_admin(nonce)
    yield "jobs", _read_jobs


def _read_metric(nonce: str) -> str:
    now = time.time()
    counted = queries.read(METRIC, now - 600, now + 120, where={"nonce": nonce}).total()
    timed = queries.read(f"{METRIC}.duration", now - 600, now + 120, where={"nonce": nonce}).total()
    _expect(counted.sum == 3, f"counter is {counted.sum}, not 3")
    _expect(timed.count == 1, f"distribution has {timed.count} values, not 1")
    return f"counter 3, p95 {timed.quantile(0.95):.3f} s"


def _group(nonce: str) -> ErrorGroup:
    using = get_settings().DATABASE
    event = ErrorEvent.objects.using(using).select_related("group").filter(group__message__contains=nonce).first()
    if event is None:
        raise LookupError("no error group came back")
    return event.group


def _read_error(nonce: str) -> str:
    group = _group(nonce)
    return f"group {group.pk}, {group.count} occurrence, culprit {group.culprit}"


def _read_redaction(nonce: str) -> str:
    sample = ErrorEvent.objects.using(get_settings().DATABASE).filter(group=_group(nonce)).values().first()
    _expect(sample is not None and _secret(nonce) not in repr(sample), "a planted password came out in the sample")
    return "a planted password is in no field of the sample"


def _read_security(nonce: str) -> str:
    found = SecurityEvent.objects.using(get_settings().DATABASE).filter(path=f"/selftest/{nonce}").first()
    if found is None:
        raise LookupError("no security event came back")
    return f"{found.event}, client {found.client}"


def _read_middleware() -> str:
    response = Client(raise_request_exception=False).get("/artisan-selftest-no-such-page/")
    name = get_settings().REQUEST_ID_HEADER
    _expect(name in response.headers, f"no {name} in a response: is MonitoringMiddleware first in MIDDLEWARE?")
    return f"{name}: {response.headers[name]}"


def _read_health() -> str:
    try:
        urls = {name: reverse(f"artisan_monitoring:{name}") for name in ("liveness", "readiness", "detailed")}
    except NoReverseMatch as exc:
        raise LookupError('add path("health/", include("artisan_monitoring.urls")) to the URLconf') from exc
    answers = {name: Client(raise_request_exception=False).get(url).status_code for name, url in urls.items()}
    _expect(answers["liveness"] == 200, f"liveness answers {answers['liveness']}")
    _expect(answers["readiness"] in (200, 503), f"readiness answers {answers['readiness']}")
    _expect(answers["detailed"] in (401, 403) or settings.DEBUG, f"detailed is open: {answers['detailed']}")
    return ", ".join(f"{name} {status}" for name, status in answers.items())


def _read_admin(nonce: str) -> str:
    import_module(settings.ROOT_URLCONF)
    url = reverse("admin:artisan_monitoring_errorgroup_change", args=[_group(nonce).pk])
    match = resolve(url)
    response = match.func(_as_superuser(url), *match.args, **match.kwargs)
    if hasattr(response, "render"):
        response.render()
    _expect(nonce in response.content.decode(), "the error page does not show the error")
    return f"{len(admin.site._registry)} admin pages, {url} shows the error"


def _as_superuser(url: str) -> HttpRequest:
    request = RequestFactory().get(url)
    request.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    return request


def _read_jobs() -> str:
    states = job_states()
    overdue = [state.name for state in states if state.overdue and state.last_start]
    _expect(not overdue, f"overdue: {', '.join(overdue)}; who runs the jobs? See HOUSEKEEPING")
    return f"{len(states)} registered, {sum(bool(state.last_success) for state in states)} have run"


def _expect(fact: bool, otherwise: str) -> None:
    if not fact:
        raise LookupError(otherwise)


def as_json(findings: list[Finding]) -> str:
    """Return findings as one line, for the process that asked."""
    return json.dumps([asdict(finding) for finding in findings])


def quiet() -> None:
    """Keep the errors that are made on purpose out of the reader's log."""
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    context.clear()
