"""System checks of the RedisStore: will the server keep what it acknowledges, and who else may empty or read it?"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.core import checks
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.exceptions import ImproperlyConfigured

from ...exceptions import StoreError
from .address import Address, from_alias
from .client import RedisClient

IDS = {
    "W102": "The store shares its Redis database with the default cache, which `cache.clear()` empties.",
    "W103": "The store's Redis evicts keys when it is full.",
    "W104": "The store's Redis has no append-only file.",
    "W105": "The store talks to a Redis on another machine without TLS and without a password.",
    "E103": "The store's Redis is older than 6.2.",
}
"""The ids of this module, and what they mean."""

TIMEOUT_S = 0.5
"""For connecting and for answering: a check takes at most a second of a deployment."""

OLDEST = (6, 2)
"""XTRIM by id and exclusive ranges of streams."""


def check(alias: str | None, address: Address) -> Iterator[checks.CheckMessage]:
    """Yield what is wrong with a server as the home of the store; what it does not tell is left out."""
    if alias == DEFAULT_CACHE_ALIAS or _is_default_cache(address):
        yield checks.Warning(
            "The store shares its Redis database with the default cache.",
            hint="cache.clear() empties it all. Use a CACHES alias with its own server or database number.",
            id="artisan_monitoring.W102",
        )
    if not address.is_secured() and any(not _is_loopback(host) for host in address.servers()):
        yield checks.Warning(
            "The store talks to a Redis on another machine without TLS and without a password.",
            hint="Use rediss://, or set a password.",
            id="artisan_monitoring.W105",
        )
    told = _ask(address)
    if told:
        yield from _check_server(told)


def _check_server(told: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    policy = str(told.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield checks.Warning(
            f"The store's Redis evicts keys when it is full (maxmemory-policy {policy}).",
            hint="Set maxmemory-policy to noeviction: then the site's processes hold back instead of losing counts.",
            id="artisan_monitoring.W103",
        )
    if "aof_enabled" in told and not int(told["aof_enabled"]):
        yield checks.Warning(
            "The store's Redis has no append-only file: what it acknowledged is lost when it is killed.",
            hint="Set appendonly to yes. Without it such a loss is counted and shown, but the counts are gone.",
            id="artisan_monitoring.W104",
        )
    version = tuple(int(part) for part in str(told.get("redis_version", "6.2")).split(".")[:2] if part.isdigit())
    if version < OLDEST:
        yield checks.Error(
            f"The store's Redis is version {told['redis_version']}.",
            hint="RedisStore needs Redis 6.2 or newer, or Valkey.",
            id="artisan_monitoring.E103",
        )


def _ask(address: Address) -> dict[str, Any]:
    """Return the server's INFO, of one node; empty when it is away."""
    client = RedisClient(address, TIMEOUT_S, TIMEOUT_S)
    try:
        if address.kind == "cluster":
            connected = client.client()
            told: dict[str, Any] = connected.info(target_nodes=connected.get_random_node())
        else:
            told = client.call("INFO")
        return told
    except Exception:
        # Health says that it is away; a check that fails would keep `migrate` from running.
        return {}
    finally:
        try:
            client.close()
        except StoreError:
            pass


def _is_default_cache(address: Address) -> bool:
    try:
        return _target(from_alias(DEFAULT_CACHE_ALIAS)) == _target(address)
    except (ImproperlyConfigured, ValueError):
        return False


def _target(address: Address) -> tuple[object, ...]:
    """Return what tells two addresses' databases apart."""
    if address.kind != "single":
        return (address.kind, address.hosts, address.service, int(address.options.get("db", 0)))
    parts = urlsplit(address.url)
    path = parts.path if parts.scheme == "unix" else parts.path.strip("/") or str(address.options.get("db", 0))
    return (parts.hostname, parts.port or 6379, path)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
