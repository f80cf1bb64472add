"""The servers that rows need: Redis and PostgreSQL out of the wheels, or those that the environment names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.services import PostgresServer, RedisServer, ServiceMissing


@contextmanager
def redis_url() -> Iterator[str]:
    """Run a Redis on loopback for the time of the block; give its URL, or "" where there is no server program."""
    try:
        server = RedisServer()
    except ServiceMissing:
        yield ""
        return
    server.start()
    try:
        yield server.url
    finally:
        server.close()


@dataclass(frozen=True, slots=True)
class StoreServer:
    """What a store stands on: how to reach it, the processor time it has used, and the bytes it holds.

    SQLite has no server: its time is that of whoever uses it.
    """

    kind: str
    redis_url: str = ""
    database: dict[str, Any] = field(default_factory=dict)
    cpu_s: Callable[[], float] = lambda: 0.0
    size_bytes: Callable[[], int] = lambda: 0


@contextmanager
def store_server(kind: str, directory: Path) -> Iterator[StoreServer]:
    """Run what `redis`, `postgres` or `sqlite` needs for the time of the block. Raise `ServiceMissing`."""
    if kind == "sqlite":
        files = [directory / f"monitoring.sqlite3{end}" for end in ("", "-wal")]
        yield StoreServer(kind, size_bytes=lambda: sum(each.stat().st_size for each in files if each.exists()))
        return
    server = RedisServer() if kind == "redis" else PostgresServer()
    server.start()
    try:
        yield _redis(server) if isinstance(server, RedisServer) else _postgres(server)
    finally:
        server.close()


def _redis(server: RedisServer) -> StoreServer:
    def info(section: str) -> dict[str, Any]:
        with server.client() as client:
            found: dict[str, Any] = client.info(section)
            return found

    def cpu_s() -> float:
        used = info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])

    return StoreServer("redis", server.url, {}, cpu_s, lambda: int(info("memory")["used_memory"]))


def _postgres(server: PostgresServer) -> StoreServer:
    import psycopg

    name = server.create_database()

    def size_bytes() -> int:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT pg_database_size(%s)", [name]).fetchone()
            return int(row[0]) if row else 0

    return StoreServer("postgres", "", server.settings(name), lambda: _tree_cpu_s(server.pid), size_bytes)


def _tree_cpu_s(pid: int) -> float:
    """Return the processor time of a process, of the children it has, and of those it has waited for."""
    total = 0.0
    parent = psutil.Process(pid)
    for each in (parent, *parent.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    reaped = parent.cpu_times()
    return total + reaped.children_user + reaped.children_system
