"""The fixture `backend`: every test that asks for it runs on each store and each kind of server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from artisan_monitoring.stores.base import Store

from . import backends
from .backends import Backend

KINDS = ("sqlite", "postgres", "redis", "redis-3-shards", "redis-cluster")


@pytest.fixture(scope="session")
def sqlite_alias(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> str:
    """A migrated SQLite file of its own."""
    path = tmp_path_factory.mktemp("contract") / "monitoring.sqlite3"
    with django_db_blocker.unblock():
        backends.make_tables("contract_sqlite", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)})
    return "contract_sqlite"


@pytest.fixture(scope="session")
def postgres_alias(postgres: Any, django_db_blocker: Any) -> str:
    """A migrated PostgreSQL database of its own."""
    with django_db_blocker.unblock():
        backends.make_tables("contract_postgres", postgres.settings(postgres.create_database()))
    return "contract_postgres"


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Backend]:
    """An empty store on each kind of server in turn."""
    use = request.getfixturevalue
    match request.param:
        case "sqlite":
            alias = use("sqlite_alias")
            made = backends.database_backend(alias, partial(backends.sqlite_losing_reply, alias))
        case "postgres":
            alias = use("postgres_alias")
            made = backends.database_backend(alias, partial(backends.postgres_losing_reply, alias, use("postgres")))
        case "redis":
            made = backends.redis_backend(use("redis_server"), 1, use("sqlite_alias"))
        case "redis-3-shards":
            made = backends.redis_backend(use("redis_shards"), 3, use("sqlite_alias"))
        case _:
            made = backends.cluster_backend(use("redis_cluster"), use("sqlite_alias"))
    with django_db_blocker.unblock(), made as found:
        yield found


@pytest.fixture
def store(backend: Backend) -> Store:
    """The store of the backend."""
    return backend.store
