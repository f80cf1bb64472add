"""The test project's settings, with what a test of faults changes: E2E_* variables of the environment say it."""

from __future__ import annotations

import json
import os

from testproject.settings import *  # noqa: F403
from testproject.settings import ARTISAN_MONITORING, DATABASES, MIDDLEWARE

ROOT_URLCONF = "tests.e2e.site_urls"
# Several servers of one test must sign alike.
SECRET_KEY = os.environ.get("E2E_SECRET_KEY", "only-for-tests-of-faults-0a9b8c7d6e5f")

for section, value in json.loads(os.environ.get("E2E_MONITORING", "{}")).items():
    known = ARTISAN_MONITORING.get(section)
    ARTISAN_MONITORING[section] = {**known, **value} if isinstance(known, dict) else value

if os.environ.get("E2E_BARE"):
    MIDDLEWARE = [path for path in MIDDLEWARE if not path.startswith("artisan_monitoring.")]

if options := os.environ.get("E2E_MONITORING_DATABASE"):
    DATABASES["monitoring"]["OPTIONS"].update(json.loads(options))
