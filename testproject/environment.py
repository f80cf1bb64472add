"""Readers for what the environment says: flags, lists, database and Redis addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

# WAL lets pages read while an order is written. IMMEDIATE takes the write lock at BEGIN: a transaction that reads
# first and writes later would otherwise fail at once with "database is locked", whatever the timeout.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def flag(name: str, default: bool = False) -> bool:
    """Read an on/off variable: 1, true, yes and on are on."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    """Read a list separated by commas; empty parts are left out."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def secret(name: str, environment: str, development_value: str) -> str:
    """Read a secret; outside production a known value stands in, in production its absence is an error."""
    value = os.environ.get(name)
    if value:
        return value
    if environment == "production":
        raise ImproperlyConfigured(f"ENVIRONMENT=production needs {name} in the environment.")
    return development_value


def sqlite(path: Path | str) -> dict[str, Any]:
    """Give the DATABASES entry of one SQLite file."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": dict(SQLITE_OPTIONS)}


def database(url: str) -> dict[str, Any]:
    """Turn an address into a DATABASES entry.

    Shapes: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgres://user:password@host:5432/name`.
    Query parameters become OPTIONS (`?sslmode=require`), except `host`, which names a socket directory.
    Raises ImproperlyConfigured for any other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite(unquote(parts.path[1:]))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"DATABASE_URL must begin with sqlite:// or postgres://, not {parts.scheme}://.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": options,
    }


def redis_database(url: str, offset: int) -> str:
    """Give the same server with a database number `offset` higher: a `FLUSHDB` of one must not empty the other."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme == "unix" or "db" in query:
        query["db"] = str(int(query.get("db", "0")) + offset)
        return f"{url.partition('?')[0]}?{urlencode(query, safe='/')}"
    number = int(parts.path.strip("/") or 0) + offset
    return urlunsplit(parts._replace(path=f"/{number}"))
