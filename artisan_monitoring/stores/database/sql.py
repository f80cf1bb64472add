"""What the statements share: the database's clock, an upsert, slices, and how database errors are told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import FloatField, Func, Model
from django.db.models.sql.compiler import SQLCompiler
from django.utils.connection import ConnectionDoesNotExist

from ...exceptions import StoreRefused, StoreUnavailable
from ..connection import own_connection
from ..merging import refusing

ROWS_A_STATEMENT = 500
"""SQLite takes 999 parameters by Django's reckoning, and a short statement holds its locks shortly."""

Item = TypeVar("Item")
Sql: TypeAlias = tuple[str, Any]


class Clock(Func):
    """The database's time in seconds since the epoch; for SQLite this machine's, which is the same."""

    arity = 0
    output_field = FloatField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Sql:
        return "%s", [time.time()]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Sql:
        # Not now(): that is the time at which the transaction began, before it waited for its locks.
        return "EXTRACT(EPOCH FROM clock_timestamp())::double precision", []

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Sql:
        return "(UNIX_TIMESTAMP(NOW(6)) + 0.0)", []


@contextmanager
def session(alias: str) -> Iterator[None]:
    """Run a block on our own connection, and tell database errors as the store's.

    Missing tables are a passing fault: they appear when the migrations are applied.
    """
    try:
        with own_connection(alias):
            yield
    except (DataError, IntegrityError) as exc:
        raise StoreRefused(f"the database refuses the values: {exc}") from exc
    except (DatabaseError, InterfaceError, ConnectionDoesNotExist, ImproperlyConfigured) as exc:
        raise StoreUnavailable(f"database {alias!r}: {exc}") from exc


@contextmanager
def writing(alias: str) -> Iterator[None]:
    """Like `session`, for a caller's values: one that cannot be packed or bound is refused."""
    with refusing(), session(alias):
        yield


def upsert(alias: str, rows: Sequence[Model], unique: Sequence[str], update: Sequence[str]) -> None:
    """Write rows whole, replacing the given columns of those that are there."""
    if not rows:
        return
    takes_target = connections[alias].features.supports_update_conflicts_with_target
    type(rows[0])._default_manager.using(alias).bulk_create(
        rows,
        batch_size=ROWS_A_STATEMENT,
        update_conflicts=True,
        update_fields=update,
        unique_fields=unique if takes_target else None,
    )


def slices(items: Sequence[Item], size: int = ROWS_A_STATEMENT) -> Iterator[Sequence[Item]]:
    """Cut a sequence into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
