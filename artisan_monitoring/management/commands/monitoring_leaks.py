"""`manage.py monitoring_leaks`: does any secret of this project come out of its logs, errors, tables or pages?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artisan_monitoring import leaks
from artisan_monitoring.leaks.planting import value_of_setting


class Command(BaseCommand):
    help = "Drive requests, errors and logs that hold this project's secrets, and look for them in all that comes out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="PATH",
            help="a further setting (PAYMENTS.login) whose value must not come out; may be given more than once",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            extra = {f"settings.{path}": value_of_setting(path) for path in options["setting"]}
        except LookupError as exc:
            raise CommandError(str(exc)) from exc
        findings = leaks.run(extra)
        styles = {"ok": self.style.SUCCESS, "FAILED": self.style.ERROR, "warn": self.style.WARNING}
        width = max(len(each.place) for each in findings)
        for each in findings:
            self.stdout.write(f"{styles[each.verdict](f'{each.verdict:<6}')}  {each.place:<{width}}  {each.detail}")
        failed = sum(each.verdict == "FAILED" for each in findings)
        self.stdout.write(f"\n{failed} came out" if failed else "\nnothing came out")
        if failed:
            sys.exit(1)
