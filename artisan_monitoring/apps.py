"""The app's configuration: `ready()` connects the rooms to Django, and does nothing else."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

ROOMS = ("pipeline", "metrics", "errors", "security", "queries", "health", "deploys", "alerts", "integrations")
"""Each has a module `wiring` with `connect()`, which registers its sinks, jobs, purges and signal receivers."""


class ArtisanMonitoringConfig(AppConfig):
    name = "artisan_monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module(f"{self.name}.checks").register()
        for room in ROOMS:
            import_module(f"{self.name}.{room}.wiring").connect()
