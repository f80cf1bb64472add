"""Judges a finished request: patterns in what it brought, tools, honey paths, and bursts of refused or missing pages.

Everything is looked at after the answer: only then is it known that a path does not exist, which form Django has parsed
(the body is never read for this), and which user it has loaded.
"""

from __future__ import annotations

import time

from django.http import HttpRequest, QueryDict

from ..conf import get_settings, on_settings_change, redactor
from ..core.clientip import counting_key
from ..metrics.collector import metrics_collector
from ..pipeline.overhead import overhead
from .counters import WindowTable
from .events import Sighting, clean, client_of, origin_of, record
from .inspection import Finding, Verdict, agent_findings, honey_segment, inspect, suspicious_path, suspicious_query
from .rules import HONEY, HONEY_SCORE

BURST_WINDOW_S = 60.0
BURSTS = {401: ("authz_fail", "burst_denied"), 403: ("authz_fail", "burst_denied")}
BURSTS[404] = ("malicious_excess_404", "burst_missing")

_findings = metrics_collector.handle("artisan.security.findings", unit="{finding}", kind="counter")
_cut_short = metrics_collector.handle("artisan.security.budget_exceeded", unit="{request}", kind="counter")
_denied = WindowTable(BURST_WINDOW_S)
_missing = WindowTable(BURST_WINDOW_S)

_enabled = True
_searching = True
"""Not while the rules have stepped down: monitoring cost more than its budget."""

_threshold = 5
_burst = 20
_ignored: frozenset[str] = frozenset()
_excluded: tuple[str, ...] = ()


def examine(request: HttpRequest, status: int | None) -> None:
    """Look at one finished request; `status` is None when it ended without an answer. 2 us for a plain one."""
    if not _enabled:
        return
    meta = request.META
    path = request.path_info
    query = meta.get("QUERY_STRING", "")
    if _searching:
        form = request.__dict__.get("_post")
        tricks = agent_findings(meta.get("HTTP_USER_AGENT", ""))
        if form or tricks or suspicious_path(path) or (query and suspicious_query(query)):
            _search(request, status, path, query, form, tricks)
    if status in BURSTS:
        _refused(request, status, path)


def _search(
    request: HttpRequest,
    status: int | None,
    path: str,
    query: str,
    form: QueryDict | None,
    tricks: tuple[Finding, ...],
) -> None:
    if _excluded and path.startswith(_excluded):
        return
    fields = form.lists() if isinstance(form, QueryDict) else ()
    verdict = inspect(path, query, fields, skip=redactor().is_secret_key, ignored=_ignored)
    verdict.findings.extend(trick for trick in tricks if trick.rule not in _ignored)
    if verdict.cut:
        _cut_short.add(1)
    for finding in verdict.findings:
        _findings.add(1, (("rule", finding.rule),))
    if verdict.score >= _threshold:
        record(_sighting_of(verdict, request, status))


def _sighting_of(verdict: Verdict, request: HttpRequest, status: int | None) -> Sighting:
    """Return the one event of a request: named after its worst finding, with all of them in the details."""
    worst = max(verdict.findings, key=lambda each: each.score)
    details = {"findings": [_shown(each) for each in verdict.findings]}
    origin = origin_of(request)
    return Sighting(worst.event, origin, rule=worst.rule, score=verdict.score, status=status, details=details)


def _shown(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "score": finding.score,
        "where": finding.where,
        "parameter": clean(finding.name, 100),
        "snippet": clean(finding.snippet, 64),
    }


def _refused(request: HttpRequest, status: int, path: str) -> None:
    """Count an answer of 401, 403 or 404 for its client, and look whether only a scanner would ask for this path."""
    if status == 404:
        segment = honey_segment(path)
        if segment and f"honey.{segment}" not in _ignored:
            record(Sighting(HONEY, origin_of(request), rule=f"honey.{segment}", score=HONEY_SCORE, status=status))
    client = counting_key(client_of(request))
    table = _missing if status == 404 else _denied
    # Exactly at the threshold: one event a window and client, however long the burst goes on.
    if client and table.add(client, time.time()) == _burst:
        event, rule = BURSTS[status]
        record(Sighting(event, origin_of(request), rule=rule, status=status, details={"requests": _burst}))


@overhead.listeners.append
def _step() -> None:
    global _searching
    _searching = not overhead.off("rules")


def forget_all() -> None:
    """Forget every count: for tests."""
    _denied.clear()
    _missing.clear()


@on_settings_change
def _bind() -> None:
    global _enabled, _threshold, _burst, _ignored, _excluded
    chosen = get_settings().SECURITY
    _enabled = get_settings().ENABLED and chosen.ENABLED
    _threshold, _burst = chosen.SCORE, chosen.BURST
    _ignored, _excluded = frozenset(chosen.IGNORE_RULES), chosen.EXCLUDE
