"""The store on Redis, one server, sentinels or a cluster: `RedisStore`."""

from __future__ import annotations

from .store import RedisStore

__all__ = ["RedisStore"]
