"""Which checks there are: the built-in ones, the project's own, and what is wrong with the settings about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from ..conf import Problem, get_settings, on_settings_change
from ..core.clientip import parse_networks
from .base import Check, CheckError, Measurement
from .checks import caches, celery, databases, external, host, otlp, river

BUILT_IN: dict[str, Callable[[], list[Check]]] = {
    "database": databases.database_checks,
    "migrations": databases.migrations_checks,
    "cache": caches.cache_checks,
    "redis": caches.redis_checks,
    "external": external.external_checks,
    "cpu": host.cpu_checks,
    "memory": host.memory_checks,
    "disk": host.disk_checks,
    "store": river.store_checks,
    "pipeline": river.pipeline_checks,
    "celery": celery.celery_checks,
    "otlp": otlp.otlp_checks,
}

LISTS = ("STARTUP", "READINESS", "SUMMARY", "DETAILED")
"""The settings in `HEALTH` that list checks by name."""

_TELLING = (LookupError, TypeError, ImportError)
"""Exceptions of building a check whose text names what is wrong in the settings, and nothing else."""

MIN_TOKEN = 16
"""Characters of a bearer token: fewer can be guessed at sixty tries a minute from many addresses."""


@dataclass(frozen=True, kw_only=True)
class _Misconfigured(Check):
    # A typing error in a setting must neither take the site down nor pass for health.
    critical: bool = False
    problem: str = ""

    def run(self) -> Sequence[Measurement]:
        raise CheckError(self.problem, "misconfigured")


def names() -> tuple[str, ...]:
    """Return the names of all checks, built in or the project's."""
    own = get_settings().HEALTH.CHECKS
    return (*BUILT_IN, *(name for name in own if name not in BUILT_IN))


def listed(section: str) -> tuple[str, ...]:
    """Return the names that a list of `HEALTH` stands for."""
    health = get_settings().HEALTH
    chosen: tuple[str, ...] = getattr(health, section)
    if chosen or section in ("STARTUP", "READINESS"):
        return chosen
    return health.DETAILED or names()


@cache
def checks(section: str) -> tuple[Check, ...]:
    """Return the checks of a list ("READINESS"), in its order."""
    return tuple(check for name in listed(section) for check in named(name))


def named(name: str) -> Sequence[Check]:
    """Return the checks behind one name. Never raises: what cannot be built warns when it is run."""
    try:
        return _build(name)
    except Exception as exc:
        text = str(exc.args[0] if exc.args else exc) if isinstance(exc, _TELLING) else type(exc).__name__
        return (_Misconfigured(name=name, problem=text),)


def _build(name: str) -> Sequence[Check]:
    chosen = get_settings().HEALTH.CHECKS.get(name, {})
    options = chosen.get("OPTIONS", {})
    if "BACKEND" in chosen:
        check = import_string(chosen["BACKEND"])(**{"name": name, **options})
        if not isinstance(check, Check):
            raise TypeError(f"{chosen['BACKEND']} is no subclass of artisan_monitoring.health.base.Check")
        return (check,)
    if name not in BUILT_IN:
        raise LookupError(f"there is no check {name!r}")
    return [dataclasses.replace(check, **options) for check in BUILT_IN[name]()]


on_settings_change(checks.cache_clear)


def problems() -> list[Problem]:
    """Return what is wrong with `HEALTH`, for the system checks: names, options, tokens, networks, external APIs."""
    return [*_list_problems(), *_check_problems(), *_access_problems(), *_external_problems()]


def _list_problems() -> Iterator[Problem]:
    known = names()
    for section in LISTS:
        for name in getattr(get_settings().HEALTH, section):
            if name not in known:
                key = f"HEALTH.{section}"
                yield Problem("check", key, f"{key} names {name!r}, which is no check.", f"Known: {', '.join(known)}.")


def _check_problems() -> Iterator[Problem]:
    for name, chosen in get_settings().HEALTH.CHECKS.items():
        key = f"HEALTH.CHECKS[{name!r}]"
        if not isinstance(chosen, Mapping):
            yield Problem("check", key, f"{key} is not a dictionary.", "Known keys: BACKEND, OPTIONS.")
            continue
        if unknown := set(chosen) - {"BACKEND", "OPTIONS"}:
            yield Problem("check", key, f"{key} has no key {min(unknown)!r}.", "Known keys: BACKEND, OPTIONS.")
            continue
        for check in named(name):
            if isinstance(check, _Misconfigured):
                yield Problem("check", key, f"{key} cannot be built: {check.problem}", "See the reference of checks.")


def _access_problems() -> Iterator[Problem]:
    health = get_settings().HEALTH
    if any(len(token) < MIN_TOKEN for token in health.TOKENS):
        hint = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        yield Problem("token", "HEALTH.TOKENS", f"A health token is shorter than {MIN_TOKEN} characters.", hint)
    for key, texts in (("HEALTH.NETWORKS", health.NETWORKS), ("TRUSTED_PROXIES", get_settings().TRUSTED_PROXIES)):
        for text in texts:
            try:
                parse_networks([text])
            except ValueError:
                yield Problem("network", key, f"{key} holds {text!r}.", 'Write "10.0.0.0/8", "2001:db8::1" or "unix".')


def _external_problems() -> Iterator[Problem]:
    seen: set[object] = set()
    for number, entry in enumerate(get_settings().HEALTH.EXTERNAL):
        key = f"HEALTH.EXTERNAL[{number}]"
        wrong = external.complaint(entry) or ("NAME is used twice" if _name(entry) in seen else "")
        seen.add(_name(entry))
        if wrong:
            yield Problem("external", key, f"{key}: {wrong}.", "Keys: NAME, URL, TIMEOUT, STATUS, CRITICAL.")


def _name(entry: Mapping[str, Any]) -> object:
    return str(entry.get("NAME"))
