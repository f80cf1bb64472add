"""Checks of external APIs: a URL of `HEALTH["EXTERNAL"]` answers with the expected status."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ...conf import get_settings
from ..base import Check, CheckError, Measurement

KEYS = {"NAME", "URL", "TIMEOUT", "STATUS", "CRITICAL"}


class _NoRedirect(HTTPRedirectHandler):
    # A redirect is an answer, and where it leads is nobody's choice but the project's.
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return None


@dataclass(frozen=True, kw_only=True)
class ExternalCheck(Check):
    """Send one GET and look at the status of the answer; the body is not read, redirects are not followed."""

    name: str = "external"
    critical: bool = False
    shared: bool = True
    fresh_s: float = 30.0  # their service is not ours to load
    url: str = field(repr=False)  # may hold a key
    statuses: frozenset[int] = frozenset({200})

    def run(self) -> Sequence[Measurement]:
        """Return the time until the headers were there, in ms. Raise CheckError for another status."""
        headers = {"User-Agent": "artisan-monitoring health check", "Connection": "close"}
        request = Request(self.url, headers=headers)  # noqa: S310  # `complaint` lets http and https through
        started = time.perf_counter()
        try:
            with build_opener(_NoRedirect).open(request, timeout=self.timeout_s) as response:
                status = response.status
        except HTTPError as error:
            error.close()
            status = error.code
        if status not in self.statuses:
            raise CheckError(f"answered {status}", "status")
        return [Measurement("responseTime", round((time.perf_counter() - started) * 1000, 2), "ms")]


def external_checks() -> list[Check]:
    """Return one check per well-formed entry of `HEALTH["EXTERNAL"]`."""
    return [_build(entry) for entry in get_settings().HEALTH.EXTERNAL if not complaint(entry)]


def _build(entry: Mapping[str, Any]) -> ExternalCheck:
    return ExternalCheck(
        component_id=entry["NAME"],
        url=entry["URL"],
        statuses=_statuses(entry.get("STATUS", 200)),
        timeout_s=float(entry.get("TIMEOUT", 5.0)),
        critical=bool(entry.get("CRITICAL", False)),
    )


def _statuses(value: int | Iterable[int]) -> frozenset[int]:
    return frozenset([value] if isinstance(value, int) else value)


def complaint(entry: Mapping[str, Any]) -> str:
    """Say what is wrong with an entry of `HEALTH["EXTERNAL"]`; "" when nothing is."""
    if unknown := set(entry) - KEYS:
        return f"unknown key {min(unknown, key=str)!r}"
    if not isinstance(entry.get("NAME"), str) or not entry["NAME"] or ":" in entry["NAME"]:
        return "NAME must be a text without a colon"
    url = entry.get("URL")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        return "URL must begin with http:// or https:// and name a host"
    timeout = entry.get("TIMEOUT", 5.0)
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 < timeout <= 60:
        return "TIMEOUT must be a number of seconds, at most 60"
    status = entry.get("STATUS", 200)
    statuses = [status] if isinstance(status, int) else status
    if not isinstance(statuses, list | tuple | set | frozenset) or not all(isinstance(each, int) for each in statuses):
        return "STATUS must be a number or a list of numbers"
    return ""
