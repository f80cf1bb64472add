"""The one setting `ARTISAN_MONITORING`, and how the rest of the package reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from ..core.personal import Personal
from ..core.redaction import Redactor
from ..core.secret_names import is_secret_name
from .options import MonitoringSettings
from .resolving import SETTING, Problem, resolve
from .secrets import secrets

__all__ = [
    "SETTING",
    "MonitoringSettings",
    "Problem",
    "active",
    "get_settings",
    "in_tests",
    "on_settings_change",
    "redactor",
    "resolve",
]


@lru_cache(maxsize=1)
def get_settings() -> MonitoringSettings:
    """Return the settings in force. Cached until `ARTISAN_MONITORING` changes."""
    return resolve(getattr(django_settings, SETTING, {}))[0]


@lru_cache(maxsize=1)
def redactor() -> Redactor:
    """Return the redactor that all rooms share, bound to the settings in force."""
    chosen = get_settings().REDACTION
    from .clients import masked  # which itself follows the settings

    privacy = get_settings().PRIVACY
    personal = Personal(privacy.EMAIL, privacy.PHONE, None if privacy.IP == "full" else masked)
    return Redactor(extra_keys=chosen.KEYS, allow=chosen.ALLOW, secrets=secrets(), personal=personal)


def in_tests() -> bool:
    """Say whether a test runner is at work (Django's `setup_test_environment` has been called).

    By the state that it keeps, and not by `mail.outbox`: that is there too once a site with the `locmem` backend has
    sent a mail. A process that never imported Django's test tools is in no test.
    """
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


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
    # DEBUG is among what bound copies look at; what is secret is known by value.
    if setting in (SETTING, "DEBUG", "DATABASES", "CACHES", "MAILERS") or is_secret_name(setting):
        get_settings.cache_clear()
        redactor.cache_clear()
        for callback in _callbacks:
            callback()


setting_changed.connect(_renew, dispatch_uid="artisan_monitoring.conf")
