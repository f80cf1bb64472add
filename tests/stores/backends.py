"""The stores under test, each on its real server, with what a test does to them: wipe, cut a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connections
from django.test import override_settings

from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.stores.base import Store
from artisan_monitoring.stores.connection import close_own_connections, own_connection
from artisan_monitoring.stores.database import DatabaseStore
from artisan_monitoring.stores.redis import RedisStore
from artisan_monitoring.stores.redis.client import RedisClient
from tests.services import PostgresServer, RedisCluster, RedisServer

from .proxy import CuttingProxy


class Backend:
    """A store on a real server. `losing_reply()`: within it the next append or commit works and its answer is lost."""

    def __init__(
        self,
        new_store: Callable[[], Store],
        wipe: Callable[[], None],
        losing_reply: Callable[[], AbstractContextManager[Store]],
    ) -> None:
        self.new_store = new_store
        self.wipe = wipe
        self.losing_reply = losing_reply
        self.store = new_store()

    @property
    def is_database(self) -> bool:
        return isinstance(self.store, DatabaseStore)


# -- databases --------------------------------------------------------------------------------------------------------


def make_tables(alias: str, settings: dict[str, Any]) -> None:
    """Add a database to Django's and migrate it, once a session: several packages of tests ask for the same."""
    if alias in connections.settings:
        return
    configured = connections.configure_settings({"default": {}, alias: settings})
    connections.settings[alias] = configured[alias]
    with override_settings(ARTISAN_MONITORING={"DATABASE": alias, "IN_TESTS": True}):
        call_command("migrate", database=alias, verbosity=0)
    connections[alias].close()


@contextmanager
def database_backend(alias: str, losing_reply: Callable[[Store], AbstractContextManager[Store]]) -> Iterator[Backend]:
    with override_settings(ARTISAN_MONITORING={"DATABASE": alias, "IN_TESTS": True}):
        backend = Backend(DatabaseStore, lambda: empty_tables(alias), lambda: losing_reply(backend.store))
        backend.wipe()
        yield backend
        close_own_connections()


def empty_tables(alias: str) -> None:
    with own_connection(alias) as connection, connection.cursor() as cursor:
        # From the last back: what refers to a table stands behind it.
        for model in reversed(list(apps.get_app_config("artisan_monitoring").get_models())):
            if connection.vendor == "postgresql":
                cursor.execute(f"TRUNCATE TABLE {model._meta.db_table} CASCADE")
            else:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")


@contextmanager
def sqlite_losing_reply(alias: str, store: Store) -> Iterator[Store]:
    """The commit reaches the file, and then the disk fails."""
    with pytest.MonkeyPatch.context() as patch, own_connection(alias) as connection:
        really_commit = connection._commit

        def commit_and_fail() -> None:
            patch.undo()
            really_commit()
            raise OperationalError("disk I/O error")

        patch.setattr(connection, "_commit", commit_and_fail)
        yield store


@contextmanager
def postgres_losing_reply(alias: str, server: PostgresServer, store: Store) -> Iterator[Store]:
    """The network is cut behind the COMMIT."""
    direct = connections.settings[alias]
    with CuttingProxy(server.port) as proxy:
        connections.settings[alias] = {**direct, "PORT": proxy.port}
        try:
            with own_connection(alias) as connection:
                connection.ensure_connection()
            proxy.cut_after(b"COMMIT")
            yield store
        finally:
            connections.settings[alias] = direct
        assert proxy.cuts == 1


# -- Redis ------------------------------------------------------------------------------------------------------------


@contextmanager
def rows_on(alias: str) -> Iterator[None]:
    """Keep what is not in Redis on a database that is empty."""
    with override_settings(ARTISAN_MONITORING={"DATABASE": alias, "IN_TESTS": True}):
        empty_tables(alias)
        yield
        close_own_connections()


@contextmanager
def redis_backend(server: RedisServer, shards: int, alias: str) -> Iterator[Backend]:
    stores = ExitStack()

    def new_store(port: int = server.port) -> Store:
        store = RedisStore(url=f"redis://127.0.0.1:{port}/0", shards=shards)
        stores.callback(store.close)
        return store

    @contextmanager
    def losing_reply() -> Iterator[Store]:
        with CuttingProxy(server.port) as proxy:
            store = new_store(proxy.port)
            # Everything is connected and every script known: the next answer is that of the call itself.
            store.reading_shards()
            load_scripts(store)
            proxy.cut_after(b"EVALSHA")
            yield store
            assert proxy.cuts == 1

    def wipe() -> None:
        with server.client() as client:
            client.flushall()

    wipe()
    with stores, rows_on(alias):
        yield Backend(new_store, wipe, losing_reply)


def load_scripts(store: Store) -> None:
    from artisan_monitoring.stores.redis.client import script

    assert isinstance(store, RedisStore)
    for name in ("append", "write_cells", "read_cells"):
        store.client.call("SCRIPT", "LOAD", script(name)[0])


@contextmanager
def cluster_backend(cluster: RedisCluster, alias: str) -> Iterator[Backend]:
    stores = ExitStack()

    def new_store() -> Store:
        store = RedisStore(url=cluster.url.replace("redis://", "redis+cluster://").removesuffix("/0"), shards=3)
        stores.callback(store.close)
        return store

    @contextmanager
    def losing_reply() -> Iterator[Store]:
        # A proxy cannot stand before a cluster: its nodes tell clients their own addresses.
        with pytest.MonkeyPatch.context() as patch:
            really_run = RedisClient.run

            def run_and_fail(self: RedisClient, name: str, *args: Any) -> Any:
                answer = really_run(self, name, *args)
                if name in ("append", "write_cells"):
                    patch.undo()
                    raise StoreUnavailable("cut")
                return answer

            patch.setattr(RedisClient, "run", run_and_fail)
            yield new_store()

    def wipe() -> None:
        for node in cluster.nodes:
            with node.client() as client:
                client.flushall()

    wipe()
    with stores, rows_on(alias):
        yield Backend(new_store, wipe, losing_reply)
