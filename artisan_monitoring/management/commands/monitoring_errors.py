"""`manage.py monitoring_errors`: what is broken, as a table or as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from artisan_monitoring.core.records import AlertSeverity
from artisan_monitoring.errors import finding, listing


class Command(BaseCommand):
    help = "List errors, those seen last first. Without --state: the open and the regressed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        states = [*finding.State.values, "all"]
        parser.add_argument("--state", action="append", choices=states, help="only these states; may be repeated")
        parser.add_argument(
            "--severity",
            action="append",
            type=str.upper,
            choices=list(AlertSeverity),
            help="only these; may be repeated",
        )
        parser.add_argument("--since", default="", metavar="TIME", help="seen since: 24h, 7d, a date or a time")
        parser.add_argument("--search", default="", metavar="WORDS", help="in type, message, place, file or name=value")
        parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            since = listing.since_of(options["since"], timezone.now()) if options["since"] else None
        except ValueError as exc:
            raise CommandError(f"--since: {exc}") from exc
        states = options["state"] or finding.UNDONE
        groups = finding.find(
            states=() if "all" in states else tuple(states),
            severities=tuple(options["severity"] or ()),
            since=since,
            words=options["search"],
        )[: max(0, options["limit"])]
        shown = json.dumps(listing.as_dicts(groups), indent=1) if options["json"] else listing.as_table(groups)
        self.stdout.write(shown)
