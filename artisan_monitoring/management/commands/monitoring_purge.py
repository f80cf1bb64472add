"""`manage.py monitoring_purge`: delete what is past its retention, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from artisan_monitoring.pipeline.purge import purge_expired


class Command(BaseCommand):
    help = "Delete metrics, errors, alerts, security events and activity that are past their retention."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, deleted in purge_expired().items():
            self.stdout.write(f"{name}: {deleted} deleted")
