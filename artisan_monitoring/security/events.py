"""Writes down what was seen: one merged row, one log record by OWASP's name, and a count of every sighting.

A flood stays small: within ten seconds, sightings of the same rule from the same client become one record with a count.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from django.http import HttpRequest

from ..conf import get_settings, on_settings_change, redactor
from ..conf.clients import masked
from ..core import clientip, context
from ..core.guard import never_raises
from ..core.records import AlertSeverity
from ..core.routes import route_template
from ..logs.logger import logger
from ..metrics.collector import metrics_collector
from ..pipeline.buffer import buffer

KIND = "security"
WINDOW_S = 10
MAX_TOLD = 5000
MAX_ACCOUNTS_SHOWN = 5

# Names of OWASP's Logging Vocabulary Cheat Sheet; it has none for what is marked +, so those are made in its style.
SEVERITIES: Mapping[str, AlertSeverity] = {
    "authn_login_fail": AlertSeverity.LOW,
    "authn_login_fail_max": AlertSeverity.MEDIUM,
    "authn_login_successafterfail": AlertSeverity.MEDIUM,
    "authz_fail": AlertSeverity.MEDIUM,
    "input_validation_fail": AlertSeverity.LOW,
    "malicious_attack_tool": AlertSeverity.LOW,
    "malicious_csrf": AlertSeverity.LOW,
    "malicious_excess_404": AlertSeverity.MEDIUM,
    "malicious_extraneous": AlertSeverity.MEDIUM,
    "malicious_sqli": AlertSeverity.MEDIUM,
    "malicious_honeypath": AlertSeverity.LOW,  # +
    "malicious_lfi": AlertSeverity.MEDIUM,  # +
    "malicious_orm_lookup": AlertSeverity.HIGH,  # + Who knows our field names did not come by chance.
    "malicious_rce": AlertSeverity.MEDIUM,  # +
    "malicious_ssrf": AlertSeverity.MEDIUM,  # +
    "malicious_ssti": AlertSeverity.MEDIUM,  # +
    "malicious_xss": AlertSeverity.MEDIUM,  # +
}

_events = metrics_collector.handle("artisan.security.events", unit="{event}", kind="counter")
_told: dict[tuple[str, str, str, str], int] = {}
_enabled = True


class Origin(NamedTuple):
    """Where a sighting came from. `client` is the whole address: it is masked when it is written down."""

    client: str = ""
    method: str = ""
    path: str = ""
    route: str = ""
    user_agent: str = ""
    user_pk: str = ""
    request_id: str = ""
    trace_id: str = ""


class Sighting(NamedTuple):
    """One thing seen. `subject` is the keyed hash of an account's name; `details` hold JSON-able values, redacted."""

    event: str
    origin: Origin
    rule: str = ""
    severity: AlertSeverity | None = None
    score: int = 0
    status: int | None = None
    subject: str = ""
    details: Mapping[str, Any] = MappingProxyType({})


def origin_of(request: HttpRequest | None) -> Origin:
    """Return what is known of a request (or, without one, of the running observation) without loading anything."""
    observation = context.observation.get()
    if request is None:
        return Origin(client=observation.client) if observation is not None else Origin()
    meta = request.META
    match = getattr(request, "resolver_match", None)
    return Origin(
        client=client_of(request),
        method=request.method or "",
        path=request.path_info,
        route="" if match is None or match.route is None else route_template(match.route),
        user_agent=meta.get("HTTP_USER_AGENT", ""),
        user_pk=known_user_pk(request),
        request_id=observation.request_id if observation is not None else "",
        trace_id=observation.trace_id if observation is not None else "",
    )


def client_of(request: HttpRequest) -> str:
    """Return the client's whole address, or "" when there is none (a UNIX socket)."""
    observation = context.observation.get()
    if observation is not None and observation.client:
        return observation.client
    return clientip.normal_address(request.META.get("REMOTE_ADDR", ""))


def known_user_pk(request: HttpRequest) -> str:
    """Return the key of the user that the host has loaded for this request already; "" if none: it is never loaded."""
    known = request.__dict__
    user = known.get("_cached_user") or known.get("_acached_user")
    pk = getattr(user, "pk", None)
    return "" if pk is None else str(pk)


@never_raises("security.record")
def record(sighting: Sighting) -> None:
    """Count a sighting, and keep it for the sink, merged with its likes. About 10 us; never raises."""
    if not _enabled:
        return
    now = time.time()
    severity = sighting.severity or SEVERITIES.get(sighting.event, AlertSeverity.MEDIUM)
    _events.add(1, (("event", sighting.event), ("severity", severity.value)))
    row = _row(sighting, severity, now)
    key = (sighting.event, sighting.rule, row["client"], row["user_pk"])
    window = int(now // WINDOW_S)
    buffer.merge_record(KIND, (*key, window), row, merge)
    if _told.get(key) != window:
        if len(_told) >= MAX_TOLD:
            _told.clear()
        _told[key] = window
        _log(row)


def merge(existing: dict[str, Any], delta: dict[str, Any]) -> None:
    """Merge two records of the same key: the first one's facts, the sum of the counts, the worst severity."""
    existing["count"] += delta["count"]
    existing["first_seen"] = min(existing["first_seen"], delta["first_seen"])
    existing["last_seen"] = max(existing["last_seen"], delta["last_seen"])
    existing["score"] = max(existing["score"], delta["score"])
    if AlertSeverity(delta["severity"]).rank > AlertSeverity(existing["severity"]).rank:
        existing["severity"] = delta["severity"]
    accounts = existing["details"].get("accounts")
    if accounts is not None and len(accounts) < MAX_ACCOUNTS_SHOWN:
        accounts.extend(each for each in delta["details"].get("accounts", ()) if each not in accounts)


def clean(text: object, limit: int) -> str:
    """Return text as any database can hold it, redacted and cut: control characters and lone surrogates are escaped."""
    shown = redactor().text(str(text)[: limit * 4])
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(
            char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")
            for char in shown
        )
    return shown[:limit]


def _row(sighting: Sighting, severity: AlertSeverity, now: float) -> dict[str, Any]:
    origin = sighting.origin
    details = dict(sighting.details)
    if sighting.subject:
        details["accounts"] = [sighting.subject]
    return {
        "event": sighting.event,
        "severity": severity.value,
        "rule": clean(sighting.rule, 64),
        "score": sighting.score,
        "count": 1,
        "first_seen": now,
        "last_seen": now,
        "client": masked(origin.client),
        "user_pk": clean(origin.user_pk, 64),
        "subject": sighting.subject,
        "method": clean(origin.method, 16),
        "path": clean(origin.path, 200),
        "route": clean(origin.route, 200),
        "status": sighting.status,
        "user_agent": clean(origin.user_agent, 200),
        "request_id": clean(origin.request_id, 64),
        "trace_id": clean(origin.trace_id, 32),
        "details": details,
    }


_LOGGED = ("rule", "severity", "score", "user_pk", "subject", "method", "path", "status", "user_agent")


def _log(row: dict[str, Any]) -> None:
    # Always a warning: OWASP's level for some is CRITICAL, but an attempt that was seen is no failure of the site, and
    # nobody shall be woken by error counts that any stranger can raise.
    told = {name: row[name] for name in _LOGGED if row[name] not in ("", None, 0)}
    if row["client"]:
        told["source_ip"] = row["client"]  # OWASP's name: the context's `client` stands beside it
    logger.warning(row["event"], **told)


@on_settings_change
def _bind() -> None:
    global _enabled
    chosen = get_settings()
    _enabled = chosen.ENABLED and chosen.SECURITY.ENABLED
    _told.clear()
