"""`manage.py demo`: the shop with monitoring on and traffic running; ends on Ctrl-C or after DEMO_SECONDS."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from testproject.demo.show import Show


class Command(BaseCommand):
    """Migrate, seed, serve on loopback, send visitors, and read back what was recorded."""

    help = "Serve the shop with traffic. DEMO_PORT, DEMO_SECONDS, DEMO_RATE, DEMO_PASSWORD and DEMO_DIR change how."

    def handle(self, *args, **options) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo makes an admin user and sends attacks: not with ENVIRONMENT=production.")
        try:
            port = int(os.environ.get("DEMO_PORT", "8000"))
            seconds = float(os.environ.get("DEMO_SECONDS", "inf"))
            rate = float(os.environ.get("DEMO_RATE", "20"))
        except ValueError as wrong:
            raise CommandError(f"DEMO_PORT, DEMO_SECONDS and DEMO_RATE are numbers: {wrong}") from wrong
        show = Show(port, seconds, rate, os.environ.get("DEMO_PASSWORD", ""), self.stdout)
        if not show.run():
            raise CommandError("The store does not agree with what was sent: see above.", returncode=1)
