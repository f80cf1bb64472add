"""A test runner is recognised by its own state, and nothing else is taken for one."""

from __future__ import annotations

import subprocess
import sys

from artisan_monitoring.conf import in_tests

SITE = """
from django.conf import settings
settings.configure(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
from django.core import mail
mail.send_mail("subject", "text", "a@example.org", ["b@example.org"])
from artisan_monitoring.conf import in_tests
assert mail.outbox and not in_tests()
import django.test.utils
assert not in_tests()
django.test.utils.setup_test_environment()
assert in_tests()
"""


def test_this_is_a_test() -> None:
    assert in_tests()


def test_a_site_that_mails_into_memory_is_none() -> None:
    subprocess.run([sys.executable, "-c", SITE], check=True)
