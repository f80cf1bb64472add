"""System checks of the DatabaseStore: whose file it writes into, and whether its tables are sent to its alias."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections, router

from ...models import InboxState

IDS = {
    "E101": "The alias in `DATABASE` is not in `DATABASES`.",
    "E102": "The tables are not sent to the alias in `DATABASE`: the router is missing.",
    "W101": "Monitoring writes into the SQLite file of the site itself.",
}
"""The ids of this module, and what they mean."""

TWO_LINES = (
    'Add DATABASES["monitoring"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "monitoring.sqlite3"}, '
    'DATABASE_ROUTERS = ["artisan_monitoring.routers.MonitoringRouter"] and ARTISAN_MONITORING["DATABASE"] = '
    '"monitoring".'
)


def check(alias: str) -> Iterator[checks.CheckMessage]:
    """Yield what is wrong with an alias as the home of the store. Opens no connection."""
    if alias not in connections.settings:
        known = ", ".join(sorted(connections.settings))
        yield checks.Error(
            f"The store's database alias {alias!r} is not in DATABASES.",
            hint=f"Known aliases: {known}.",
            id="artisan_monitoring.E101",
        )
        return
    yield from _check_sqlite_file(alias)
    if router.db_for_write(InboxState) != alias:
        yield checks.Error(
            f"The tables of artisan_monitoring are not sent to the alias {alias!r}.",
            hint='Add "artisan_monitoring.routers.MonitoringRouter" to DATABASE_ROUTERS.',
            id="artisan_monitoring.E102",
        )


def _check_sqlite_file(alias: str) -> Iterator[checks.CheckMessage]:
    mine = _sqlite_file(alias)
    if mine is None:
        return
    sharers = [other for other in connections.settings if other != alias and _sqlite_file(other) == mine]
    if alias == DEFAULT_DB_ALIAS or sharers:
        yield checks.Warning(
            "Monitoring writes into the SQLite file of the site itself.",
            hint=f"The site's transactions that read and then write would fail with 'database is locked'. {TWO_LINES}",
            id="artisan_monitoring.W101",
        )


def _sqlite_file(alias: str) -> Path | None:
    """Return the file of an alias on SQLite; nothing for other databases and for SQLite in memory."""
    settings = connections.settings[alias]
    name = str(settings["NAME"])
    if "sqlite" not in settings["ENGINE"] or name == ":memory:" or "mode=memory" in name:
        return None
    return Path(name.removeprefix("file:").partition("?")[0]).resolve()
