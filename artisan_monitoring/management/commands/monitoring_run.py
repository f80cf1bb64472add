"""`manage.py monitoring_run`: run the jobs in a process of its own, instead of Celery beat."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from artisan_monitoring.pipeline.housekeeper import run_forever, run_once
from artisan_monitoring.pipeline.lifecycle import shutdown_monitoring


class Command(BaseCommand):
    help = "Run the periodic jobs of monitoring until it is stopped; with --once, each job once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run every job once, due or not, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.stdout.write(f"ran: {', '.join(run_once()) or 'nothing'}")
            return
        stop = threading.Event()
        # This process is ours alone: nobody else's handler is replaced.
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        self.stdout.write("monitoring_run: running the jobs; Ctrl-C ends it.")
        run_forever(stop)
        shutdown_monitoring()
