"""The app's configuration: `ready()` connects the rooms to Django, and does nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage

ROOMS = ("pipeline", "metrics", "errors", "security", "queries", "health", "deploys", "alerts", "integrations")
"""Each has a module `wiring` with `connect()`, which registers its sinks, jobs, purges and signal receivers."""


class ArtisanMonitoringConfig(AppConfig):
    name = "artisan_monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(check, self.name)
        for room in ROOMS:
            import_module(f"{self.name}.{room}.wiring").connect()


def check(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Run the system checks: imported by the commands that run them, never by a server."""
    from .checks import check_settings

    return check_settings(app_configs, **kwargs)
