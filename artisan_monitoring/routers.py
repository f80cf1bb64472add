"""A database router that keeps the tables of this app on the alias `DATABASE`, and everything else off it."""

from __future__ import annotations

from typing import Any

from .conf import get_settings

APP_LABEL = "artisan_monitoring"


class MonitoringRouter:
    """Send the models of this app to `ARTISAN_MONITORING["DATABASE"]`.

    With SQLite monitoring needs a file of its own: a background writer in the host's file makes the host's
    read-then-write transactions fail with "database is locked".
    """

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return get_settings().DATABASE if model._meta.app_label == APP_LABEL else None

    db_for_write = db_for_read

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool | None:
        ours = (first._meta.app_label == APP_LABEL) + (second._meta.app_label == APP_LABEL)
        return None if ours == 0 else ours == 2

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        database = get_settings().DATABASE
        if app_label == APP_LABEL:
            return db == database
        # An alias other than `default` is ours alone; on `default` the host's own tables live beside ours.
        return False if db == database != "default" else None
