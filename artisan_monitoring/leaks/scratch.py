"""A scratch database and store in place of the project's own; its other databases are rolled back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.test import override_settings

from ..conf import SETTING
from ..pipeline.buffer import buffer
from ..pipeline.flusher import flusher
from ..stores.connection import close_own_connections
from .site import by_value, urls

ALIAS = "artisan_leaks"
ROUTER = "artisan_monitoring.routers.MonitoringRouter"


@contextmanager
def scratch() -> Iterator[None]:
    """Run the block with the project's settings, but into a database that is deleted afterwards."""
    hosts = list(connections)
    with tempfile.TemporaryDirectory(prefix="artisan-leaks-") as directory, ExitStack() as stack:
        stack.callback(_forget)
        _begin(os.path.join(directory, "scratch.sqlite3"))
        stack.enter_context(override_settings(**_changes()))
        call_command("migrate", "artisan_monitoring", database=ALIAS, verbosity=0)
        for alias in hosts:
            stack.enter_context(_rolled_back(alias))
        yield


def _begin(path: str) -> None:
    flusher.stop(10)
    flusher.reset()
    buffer.reset()
    configured = connections.configure_settings({
        "default": {}, ALIAS: {"ENGINE": "django.db.backends.sqlite3", "NAME": path},
    })  # fmt: skip
    connections.settings[ALIAS] = configured[ALIAS]


def _forget() -> None:
    flusher.stop(10)
    close_own_connections()
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]
    buffer.reset()
    flusher.reset()


def _changes() -> dict[str, Any]:
    """Return what differs from the project's settings: where things go, that nothing is sent, that all is recorded."""
    ours = dict(getattr(settings, SETTING, {}))
    for section, changes in (
        ("QUERIES", {"SLOW_MS": 0, "SLOW_LOGS_PER_MINUTE": 100_000}),
        ("HEALTH", {"NETWORKS": ("127.0.0.1/32",), "RATE_LIMIT": 100_000}),
        ("ERRORS", {"FINGERPRINT": f"{by_value.__module__}.by_value"}),
        ("OTLP", {"ENDPOINT": ""}),
    ):
        ours[section] = {**(ours.get(section) or {}), **changes}
    ours.update(
        DATABASE=ALIAS, STORE={}, HOUSEKEEPING="off", FLUSH="request_finished", FLUSH_INTERVAL_S=3_600.0, ENABLED=True
    )
    return {
        SETTING: ours,
        "DATABASE_ROUTERS": [ROUTER, *(each for each in settings.DATABASE_ROUTERS if each != ROUTER)],
        "ALLOWED_HOSTS": [*settings.ALLOWED_HOSTS, "testserver"],
        "ROOT_URLCONF": urls(),
        "DEBUG": False,
    }


@contextmanager
def _rolled_back(alias: str) -> Iterator[None]:
    """Take back what the project's middleware write to a database; one that is away stays away."""
    try:
        connections[alias].ensure_connection()
    except DatabaseError:
        yield
        return
    with transaction.atomic(using=alias):
        yield
        transaction.set_rollback(True, using=alias)
