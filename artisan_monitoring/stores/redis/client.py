"""The connection to Redis: our own client and pool, scripts by their hash, redis-py's errors told as the store's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ...exceptions import StoreRefused, StoreUnavailable
from .address import Address

MAX_CONNECTIONS = 64
"""Per process: a flusher, a drain, and the threads that read pages at the same time."""

_PRELUDES = {
    "append": ("state",),
    "cursor": ("state",),
    "inbox_stats": ("state",),
    "entries": ("reading",),
    "waiting": ("state", "reading"),
    "set_note": ("notes",),
    "read_notes": ("notes",),
}
"""Scripts that begin with what other files define: Lua in Redis has no modules."""

Arg = str | bytes | int | float


@cache
def script(name: str) -> tuple[str, str]:
    """Return a script's text and its SHA-1, by which Redis knows it."""
    folder = files(__package__) / "lua"
    text = "".join((folder / f"{each}.lua").read_text("utf-8") for each in (*_PRELUDES.get(name, ()), name))
    return text, sha1(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def translated() -> Iterator[None]:
    """Tell redis-py's errors as the store's.

    What a server answers (LOADING, OOM, READONLY, MOVED, NOAUTH, ...) passes when the server is well again; only a
    value that cannot be sent, or is too long for any Redis, is refused.
    """
    from redis.exceptions import DataError, RedisError, ResponseError

    try:
        yield
    except (DataError, UnicodeEncodeError) as exc:
        raise StoreRefused(f"a value that cannot be sent to Redis: {exc}") from exc
    except ResponseError as exc:
        if "exceeds maximum allowed size" in str(exc):
            raise StoreRefused(str(exc)) from exc
        raise StoreUnavailable(f"Redis answers: {exc}") from exc
    except (RedisError, OSError) as exc:
        raise StoreUnavailable(f"Redis does not answer: {exc}") from exc


class RedisClient:
    """A lazily made client of one address. Used by all threads of a process; never retries by itself."""

    def __init__(self, address: Address, connect_timeout: float, read_timeout: float) -> None:
        self.address = address
        self._timeouts = {"socket_connect_timeout": connect_timeout, "socket_timeout": read_timeout}
        self._client: Any = None
        self._lock = threading.Lock()

    def run(self, name: str, keys: Sequence[str], args: Sequence[Arg] = ()) -> Any:
        """Run a script; all keys it touches are in `keys`, and of one shard."""
        from redis.exceptions import NoScriptError

        text, digest = script(name)
        with translated():
            client = self.client()
            try:
                return client.execute_command("EVALSHA", digest, len(keys), *keys, *args)
            except NoScriptError:
                return client.execute_command("EVAL", text, len(keys), *keys, *args)

    def call(self, *command: Arg) -> Any:
        """Run one command."""
        with translated():
            return self.client().execute_command(*command)

    def pipeline(self, commands: Sequence[Sequence[Arg]]) -> list[Any]:
        """Run reading commands in one round trip."""
        if not commands:
            return []
        with translated(), self.client().pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(pipe.execute())

    def client(self) -> Any:
        """Return redis-py's client, made on first use."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client = self._client or self._connect()
        return client

    def close(self) -> None:
        """Give back the connections; the next use makes new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            with translated():
                client.close()

    def _connect(self) -> Any:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        address = self.address
        options: dict[str, Any] = {**address.options, **self._timeouts, "protocol": 2}
        if address.kind == "cluster":
            make_node: Any = redis.cluster.ClusterNode
            nodes = [make_node(host, port) for host, port in address.hosts]
            return redis.RedisCluster(startup_nodes=nodes, retry=Retry(NoBackoff(), 0), **options)
        options |= {"retry": Retry(NoBackoff(), 0), "max_connections": MAX_CONNECTIONS}
        if address.kind == "sentinel":
            return self._connect_through_sentinels(options)
        try:
            pool = redis.ConnectionPool.from_url(address.url, **options)
        except ValueError as exc:
            raise ImproperlyConfigured(f"the URL of the Redis cannot be read: {exc}") from exc
        return redis.Redis.from_pool(pool)

    def _connect_through_sentinels(self, options: dict[str, Any]) -> Any:
        from redis.sentinel import Sentinel

        mine = {**self._timeouts, **self.address.sentinel_options}
        make_sentinel: Any = Sentinel
        sentinel = make_sentinel(list(self.address.hosts), sentinel_kwargs=mine, **options)
        return sentinel.master_for(self.address.service)
