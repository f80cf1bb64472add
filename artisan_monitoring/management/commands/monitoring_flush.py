"""`manage.py monitoring_flush`: drain the inbox and roll closed hours up, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artisan_monitoring.exceptions import StoreError
from artisan_monitoring.pipeline.jobs import run_job


class Command(BaseCommand):
    help = "Drain the inbox into cells and rows, and roll closed hours up into the database."

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("drain", "flush_metrics"):
            try:
                ran = run_job(name)
            except StoreError as exc:
                raise CommandError(f"{name}: the store is away: {exc}") from exc
            self.stdout.write(f"{name}: {'done' if ran else 'another process is at it'}")
