"""Connects database monitoring to Django: called once, when the apps are ready."""

from __future__ import annotations

from django.db import connections
from django.db.backends.signals import connection_created

from . import recorder


def connect() -> None:
    """Watch every connection from its opening on, and those this thread has opened already."""
    connection_created.connect(recorder.on_connection_created, dispatch_uid="artisan_monitoring.queries")
    for connection in connections.all(initialized_only=True):
        recorder.install(connection)
