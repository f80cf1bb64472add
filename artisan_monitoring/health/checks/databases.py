"""Checks of the databases: each alias answers, and no migration waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from ...conf import get_settings
from ...stores.connection import own_connection
from ..base import Check, CheckError, Measurement


@dataclass(frozen=True, kw_only=True)
class DatabaseCheck(Check):
    """Open a new connection to one alias and ask it the smallest question its vendor knows."""

    component_type: ClassVar[str] = "datastore"

    name: str = "database"
    component_id: str = DEFAULT_DB_ALIAS
    shared: bool = True

    def run(self) -> Sequence[Measurement]:
        """Return the time to connect and be answered, in ms."""
        started = time.perf_counter()
        with own_connection(self.component_id):
            connection = connections[self.component_id]
            connection.ensure_connection()
            if not connection.is_usable():
                raise CheckError("connected, but no answer", "unusable")
        return [Measurement("responseTime", round((time.perf_counter() - started) * 1000, 2), "ms")]


@dataclass(frozen=True, kw_only=True)
class MigrationsCheck(Check):
    """Compare the migrations on disk with those applied, on every alias that has been migrated.

    Once it has passed it passes for the life of the process, which cannot get new migrations without a restart.
    """

    component_type: ClassVar[str] = "datastore"
    measures: ClassVar[str] = "unapplied"

    name: str = "migrations"

    def run(self) -> Sequence[Measurement]:
        """Return 0, the number of migrations that wait; any other number is a failure."""
        if not _applied:
            for alias in connections:
                with own_connection(alias):
                    waiting = unapplied(alias)
                if waiting:
                    raise CheckError(f"{waiting} migrations not applied on {alias!r}", "unapplied")
            _applied.add(True)
        return [Measurement("unapplied", 0, "migrations")]


_applied: set[bool] = set()


def unapplied(alias: str) -> int:
    """Return how many migrations wait on an alias; 0 for one that `migrate` never touches (a legacy database)."""
    connection = connections[alias]
    if alias not in (DEFAULT_DB_ALIAS, get_settings().DATABASE) and not MigrationRecorder(connection).has_table():
        return 0
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def database_checks() -> list[Check]:
    """Return one check per alias, so that a replica that hangs does not hide a primary that is well."""
    needed = {DEFAULT_DB_ALIAS}
    return [DatabaseCheck(component_id=alias, critical=alias in needed) for alias in connections]


def migrations_checks() -> list[Check]:
    """Return the check of the migrations."""
    return [MigrationsCheck()]
