"""`manage.py monitoring_drain_traffic on|off|status`: take this host out of traffic, or put it back."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from artisan_monitoring.health import traffic
from artisan_monitoring.health.report import timestamp


class Command(BaseCommand):
    help = "Make readiness answer 503 on this host (on) or as usual (off). Liveness stays 200."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=["on", "off", "status"])

    def handle(self, *args: object, state: str, **options: object) -> None:
        try:
            if state != "status":
                traffic.drain() if state == "on" else traffic.undrain()
        except OSError as exc:
            raise CommandError(f"{traffic.drain_file()}: {exc.strerror}") from exc
        since = traffic.drained_since()
        says = "in traffic" if since is None else f"out of traffic since {timestamp(since)}"
        self.stdout.write(f"{says} ({traffic.drain_file()})")
