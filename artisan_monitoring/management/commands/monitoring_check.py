"""`manage.py monitoring_check`: health from the shell; exit code 0 for pass, 1 for warn, 2 for fail."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from artisan_monitoring.conf import get_settings
from artisan_monitoring.health import registry, report
from artisan_monitoring.health.prober import prober


class Command(BaseCommand):
    help = "Run the health checks and print what they measured. Exit code: 0 pass, 1 warn, 2 fail."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("checks", nargs="*", help=f"names of checks, of: {', '.join(registry.names())} (all)")
        parser.add_argument("--json", action="store_true", help="print application/health+json")

    def handle(self, *args: object, checks: list[str], json: bool, **options: object) -> None:
        chosen = [check for name in checks for check in registry.named(name)] or registry.checks("DETAILED")
        budget_s = get_settings().HEALTH.DETAILED_BUDGET_S
        results = prober.collect(chosen, max_age_s=0.0, budget_s=budget_s)
        self.stdout.write(_as_json(report.detailed(results)) if json else report.table(results))
        sys.exit(report.overall(results).rank)


def _as_json(payload: dict[str, object]) -> str:
    return json.dumps(payload, indent=2)
