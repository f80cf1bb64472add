"""`manage.py prepare`: what gunicorn, uvicorn or runserver need before they can serve the shop."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from testproject.demo import accounts
from testproject.demo.show import prepare


class Command(BaseCommand):
    """Migrate every database, seed the shop, make the admin and the customers."""

    help = "Migrate, seed, and make the admin. DEMO_PASSWORD sets the password; without it one is made, once."

    def handle(self, *args, **options) -> None:
        if settings.PRODUCTION:
            raise CommandError("It makes an admin user: not with ENVIRONMENT=production.")
        stock = prepare()
        self.stdout.write(", ".join(f"{count} {name}" for name, count in stock.items()))
        password = os.environ.get("DEMO_PASSWORD", "")
        if password or not accounts.has_admin():
            self.stdout.write(f"Log in as {accounts.ADMIN}, password {accounts.set_up(password)}")
        else:
            self.stdout.write(f"Log in as {accounts.ADMIN}, password as before (DEMO_PASSWORD sets another)")
