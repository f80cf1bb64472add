"""The project's own secrets by value, so that they are taken out wherever they turn up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from django.conf import settings

SHORTEST = 8
"""A shorter value would be found in words that are no secret."""

NAMES = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "EMAIL_HOST_PASSWORD")


def secrets() -> tuple[str, ...]:
    """Return the secret key, passwords of databases, caches, mail and broker, health tokens, OTLP's keys; each once."""
    found = dict.fromkeys(each for each in _found() if len(each) >= SHORTEST)
    return tuple(found)


def _found() -> Iterator[str]:
    for database in (getattr(settings, "DATABASES", None) or {}).values():
        yield from _texts(database.get("PASSWORD"))
    # The lazy settings around it refuse an empty key, and from Django 6.1 on warn of the settings of mail.
    as_set = vars(settings)["_wrapped"]
    for name in NAMES:
        yield from _texts(getattr(as_set, name, ""))
    for mailer in (getattr(settings, "MAILERS", None) or {}).values():
        yield from _texts((mailer.get("OPTIONS") or {}).get("password"))
    for cache in (getattr(settings, "CACHES", None) or {}).values():
        yield from _texts((cache.get("OPTIONS") or {}).get("PASSWORD"))
        yield from _in_urls(cache.get("LOCATION"))
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "BROKER_URL"):
        yield from _in_urls(getattr(settings, name, ""))
    monitoring = getattr(settings, "ARTISAN_MONITORING", None)
    if isinstance(monitoring, Mapping):
        yield from _of_monitoring(monitoring)


def _of_monitoring(monitoring: Mapping[str, object]) -> Iterator[str]:
    health, store = monitoring.get("HEALTH"), monitoring.get("STORE")
    if isinstance(health, Mapping):
        yield from _texts(health.get("TOKENS"))
    otlp = monitoring.get("OTLP")
    headers = otlp.get("HEADERS") if isinstance(otlp, Mapping) else None
    if isinstance(headers, Mapping):
        # "Bearer x" and "x" alone: the key is what must not be seen.
        yield from (text.rpartition(" ")[2] for text in _texts([*headers.values()]))
    options = store.get("OPTIONS") if isinstance(store, Mapping) else None
    if isinstance(options, Mapping):
        yield from _in_urls(options.get("url"))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (each for each in value if isinstance(each, str))


def _in_urls(value: object) -> Iterator[str]:
    """Yield the passwords of URLs, as they stand there and decoded."""
    for text in _texts(value):
        try:
            password = urlsplit(text).password
        except ValueError:
            continue
        if password:
            yield password
            yield unquote(password)
