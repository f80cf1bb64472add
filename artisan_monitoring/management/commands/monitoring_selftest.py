"""`manage.py monitoring_selftest`: is my installation right?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from artisan_monitoring import selftest


class Command(BaseCommand):
    help = "Write through every feature of monitoring, read each back from a fresh process, and print a table."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--read", metavar="NONCE", help="only look for what another process wrote (used by itself)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["read"]:
            selftest.quiet()
            self.stdout.write(selftest.as_json(selftest.read(options["read"])))
            return
        findings = selftest.run()
        for finding in findings:
            mark = self.style.SUCCESS("ok    ") if finding.ok else self.style.ERROR("FAILED")
            self.stdout.write(f"{mark}  {finding.part:<18} {finding.detail}")
        failed = sum(not finding.ok for finding in findings)
        self.stdout.write(f"\n{len(findings) - failed} ok, {failed} failed")
        if failed:
            sys.exit(1)
