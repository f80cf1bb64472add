"""Use the installed package away from its checkout; the one argument is the directory it must come from."""

from __future__ import annotations

import sys

import django
from django.conf import settings

DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "artisan_monitoring"],
    DATABASES={"default": DATABASE, "monitoring": DATABASE},
    DATABASE_ROUTERS=["artisan_monitoring.routers.MonitoringRouter"],
    SECRET_KEY="only to try the wheel",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402

import artisan_monitoring  # noqa: E402  # after the settings, as in a host

for name in artisan_monitoring.__all__:
    getattr(artisan_monitoring, name)
for alias in settings.DATABASES:
    call_command("migrate", database=alias, verbosity=0)

origin = artisan_monitoring.__file__ or ""
if not origin.startswith(sys.argv[1]):
    raise SystemExit(f"imported from {origin}, not from {sys.argv[1]}")
print(artisan_monitoring.__version__)
