"""The app's configuration: `ready()` connects the rooms to Django, and does nothing else."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig

ROOMS = ("pipeline", "metrics", "errors", "security", "queries", "health", "alerts", "integrations")
"""Each has a module `wiring` with `connect()`, which registers its sinks, jobs, purges and signal receivers."""


class ArtisanMonitoringConfig(AppConfig):
    name = "artisan_monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module(f"{self.name}.checks").register()
        for room in ROOMS:
            if find_spec(f"{self.name}.{room}") and find_spec(f"{self.name}.{room}.wiring"):
                import_module(f"{self.name}.{room}.wiring").connect()
