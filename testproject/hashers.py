"""A password hasher for demo and tests, where log-ins come by the minute and guard nothing."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickPasswordHasher(PBKDF2PasswordHasher):
    """PBKDF2 with few rounds: Django's own number costs 0.4 s of CPU a log-in, most of what the demo's traffic needs.

    The settings refuse it to ENVIRONMENT=production.
    """

    algorithm = "pbkdf2_sha256_quick"
    iterations = 10_000
