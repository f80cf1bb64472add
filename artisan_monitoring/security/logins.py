"""Log-ins, from Django's auth signals: every backend and every login view sends them.

Counts are per process: with four workers a burst is noticed after at most four times as many failures.
"""

from __future__ import annotations

import hmac
import time
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from ..conf import get_settings
from ..conf.clients import masked
from ..core.clientip import counting_key
from ..core.guard import never_raises
from ..core.records import AlertSeverity
from ..logs.logger import logger
from ..metrics.collector import metrics_collector
from .counters import WindowTable
from .events import Origin, Sighting, origin_of, record

WINDOW_S = 15 * 60
SUSPICIOUS_FAILURES = 3
"""A log-in after this many failures is told apart; two are everyday typing errors."""

_successes = metrics_collector.handle("artisan.security.logins", unit="{login}", kind="counter")
_by_account = WindowTable(WINDOW_S)
_by_client = WindowTable(WINDOW_S)


@never_raises("security.login_failed")
def on_login_failed(*, credentials: Mapping[str, object], request: HttpRequest | None = None, **kwargs: object) -> None:
    """Receive `user_login_failed`: count it for the account that was tried and for the client."""
    now = time.time()
    origin = origin_of(request)
    subject = account_of(credentials)
    _sighted("authn_login_fail", origin, subject)
    limit = get_settings().SECURITY.LOGIN_FAILURES
    if subject and _by_account.add(subject, now) == limit:
        _sighted("authn_login_fail_max", origin, subject, "account", limit)
    client = counting_key(origin.client) if origin.client else ""
    if client and _by_client.add(client, now, subject) == limit:
        _sighted("authn_login_fail_max", origin, subject, "client", limit)


@never_raises("security.logged_in")
def on_logged_in(*, user: object, request: HttpRequest | None = None, **kwargs: object) -> None:
    """Receive `user_logged_in`: a success after failures may be a guessed or a stolen password."""
    now = time.time()
    known = origin_of(request)
    pk = str(getattr(user, "pk", ""))
    origin = known._replace(user_pk=pk)
    subject = account_of({_username_field(): _username_of(user)})
    _successes.add(1)
    logger.info("authn_login_success", user_pk=pk, client=masked(origin.client))
    tried = _by_account.get(subject, now)
    if tried is not None and tried.count >= SUSPICIOUS_FAILURES:
        _sighted("authn_login_successafterfail", origin, subject, "account", tried.count)
    client = counting_key(origin.client) if origin.client else ""
    source = _by_client.get(client, now)
    if source is not None and len(source.accounts - {subject}) >= SUSPICIOUS_FAILURES:
        # One address that failed for several accounts, and now is in: a list of passwords is being tried.
        _sighted("authn_login_successafterfail", origin, subject, "client", source.count, AlertSeverity.HIGH)
    _by_account.forget(subject)


def account_of(credentials: Mapping[str, object]) -> str:
    """Return what stands for the user name in `credentials`: a keyed hash, so that no name is kept that was typed in.

    Normalised first (NFKC, case, blanks), or "Bob " would be another account than "bob". 32 hex digits, or "".
    """
    name = credentials.get(_username_field()) or credentials.get("username") or credentials.get("email")
    if not isinstance(name, str) or not name.strip():
        return ""
    normal = unicodedata.normalize("NFKC", name[:254]).strip().casefold()
    return hmac.digest(_key(django_settings.SECRET_KEY), normal.encode("utf-8", "surrogatepass"), "sha256")[:16].hex()


def forget_all() -> None:
    """Forget every count: for tests."""
    _by_account.clear()
    _by_client.clear()


def _sighted(
    event: str, origin: Origin, subject: str, rule: str = "", failures: int = 0, severity: AlertSeverity | None = None
) -> None:
    details = {"failures": failures} if failures else {}
    record(Sighting(event, origin, rule=rule, severity=severity, subject=subject, details=details))


def _username_field() -> str:
    return str(get_user_model().USERNAME_FIELD)


def _username_of(user: object) -> object:
    # Only what is loaded: a deferred field would be a query.
    return getattr(user, "__dict__", {}).get(_username_field())


@lru_cache(maxsize=4)
def _key(secret: str | bytes) -> bytes:
    raw = secret if isinstance(secret, bytes) else secret.encode("utf-8", "surrogatepass")
    return hmac.digest(raw, b"artisan_monitoring.account", "sha256")
