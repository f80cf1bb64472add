"""`manage.py monitoring_grafana`: write dashboards for Grafana."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artisan_monitoring.integrations import grafana


class Command(BaseCommand):
    help = "Write dashboards for Grafana, over a Prometheus that scrapes /health/prometheus."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", metavar="DIR", default="grafana", help="Where to; the default is ./grafana.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = grafana.write(Path(options["output"]))
        except OSError as exc:
            raise CommandError(f"cannot write: {exc}") from exc
        for path in written:
            self.stdout.write(str(path))
