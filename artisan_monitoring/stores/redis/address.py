"""Where the Redis is: read from a URL, or from a CACHES alias of django-redis or of Django itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

Kind: TypeAlias = Literal["single", "sentinel", "cluster"]

_PLAIN = ("redis", "rediss", "unix")
_NOT_OURS = (
    "retry",
    "retry_on_timeout",
    "retry_on_error",
    "max_connections",
    "timeout",
    "decode_responses",
    "encoding",
)
"""Pool options of the host that are about its own waiting and decoding, not about how to reach the server."""


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a Redis. `url` is set for a single server, `hosts` for sentinels and cluster nodes."""

    kind: Kind
    url: str = field(default="", repr=False)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    """Arguments of a redis-py connection: username, password, db, ssl and the like."""
    sentinel_options: dict[str, Any] = field(default_factory=dict, repr=False)

    def servers(self) -> list[str]:
        """Return the host names that are named; empty for a Unix socket."""
        if self.kind != "single":
            return [host for host, _ in self.hosts]
        parts = urlsplit(self.url)
        return [] if parts.scheme == "unix" else [parts.hostname or "localhost"]

    def is_secured(self) -> bool:
        """Say whether the way there is encrypted or asks for a password."""
        parts = urlsplit(self.url)
        return bool(parts.scheme == "rediss" or parts.password or self.options.get("password") or self.uses_tls())

    def uses_tls(self) -> bool:
        """Say whether TLS was asked for among the options."""
        return bool(self.options.get("ssl"))


def from_url(url: str) -> Address:
    """Read `redis://`, `rediss://`, `unix://`, `redis+sentinel://host,host/service/db` or `redis+cluster://host,host`.

    `rediss+sentinel://` and `rediss+cluster://` use TLS. Raise `ImproperlyConfigured` for anything else.
    """
    scheme = url.partition(":")[0]
    if scheme in _PLAIN:
        return Address("single", url)
    base, _, kind = scheme.partition("+")
    if base not in ("redis", "rediss") or kind not in ("sentinel", "cluster"):
        raise ImproperlyConfigured(f"not the URL of a Redis: {scheme}://")
    parts = urlsplit(url)
    userinfo, _, hosts = parts.netloc.rpartition("@")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    username, _, password = userinfo.partition(":")
    if password:
        options["password"] = unquote(password)
        if username:
            options["username"] = unquote(username)
    if base == "rediss":
        options["ssl"] = True
    if kind == "cluster":
        return Address("cluster", hosts=_hosts(hosts, 6379), options=options)
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ImproperlyConfigured("redis+sentinel:// needs the name of the service: redis+sentinel://host/service/0")
    if database:
        options["db"] = int(database)
    return Address("sentinel", hosts=_hosts(hosts, 26379), service=service, options=options)


def _hosts(text: str, port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for each in text.split(","):
        # A scheme of its own makes urlsplit read one host, with brackets around IPv6 or without a port.
        parts = urlsplit(f"//{each.strip()}")
        if parts.hostname:
            found.append((parts.hostname, parts.port or port))
    if not found:
        raise ImproperlyConfigured("the URL of the Redis names no host")
    return tuple(found)


def from_alias(alias: str) -> Address:
    """Read the connection parameters of a CACHES alias; its client and pool stay the host's own."""
    cache: Mapping[str, Any] | None = settings.CACHES.get(alias)
    if cache is None:
        raise ImproperlyConfigured(f"CACHES has no alias {alias!r}")
    location = cache.get("LOCATION") or ""
    first = location[0] if isinstance(location, list | tuple) else str(location).split(",")[0].split(";")[0]
    options = cache.get("OPTIONS") or {}
    known = {key: value for key, value in (options.get("CONNECTION_POOL_KWARGS") or {}).items() if key not in _NOT_OURS}
    for key in ("username", "password", "db", "ssl"):
        value = options.get(key.upper(), options.get(key))
        if value is not None:
            known[key] = value
    if not str(first).startswith(("redis:", "rediss:", "unix:", "redis+", "rediss+")):
        raise ImproperlyConfigured(f"CACHES[{alias!r}] is not on a Redis: {cache.get('BACKEND')}")
    if sentinels := options.get("SENTINELS"):
        return _from_sentinels(str(first), sentinels, known, options.get("SENTINEL_KWARGS") or {})
    address = from_url(str(first))
    return Address(address.kind, address.url, address.hosts, address.service, {**known, **address.options})


def _from_sentinels(
    location: str, sentinels: Any, options: dict[str, Any], sentinel_options: dict[str, Any]
) -> Address:
    """Read django-redis' way: LOCATION names the service as its host, OPTIONS the sentinels."""
    parts = urlsplit(location)
    if parts.path.strip("/"):
        options["db"] = int(parts.path.strip("/"))
    if parts.password:
        options["password"] = unquote(parts.password)
    if parts.scheme == "rediss":
        options["ssl"] = True
    hosts = tuple((str(host), int(port)) for host, port in sentinels)
    return Address("sentinel", "", hosts, parts.hostname or "", options, dict(sentinel_options))
