"""The project's own secrets are known by value, wherever they stand in its settings."""

from __future__ import annotations

import pytest
from django.test import override_settings

from artisan_monitoring.conf import redactor
from artisan_monitoring.conf.secrets import secrets

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x", "PASSWORD": "db-password-1"}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.dummy.DummyCache",
        "LOCATION": ["redis://:p%40ssword-2@10.0.0.1/0"],
        "OPTIONS": {"PASSWORD": "cache-password-3"},
    }
}


@pytest.mark.filterwarnings("ignore:The EMAIL_HOST_PASSWORD setting is deprecated")
def test_every_place_is_looked_at() -> None:
    with override_settings(
        SECRET_KEY="the-secret-key-4", SECRET_KEY_FALLBACKS=["an-older-key-5"], CACHES=CACHES,
        EMAIL_HOST_PASSWORD="mail-password-6", CELERY_BROKER_URL="amqp://user:broker-password-7@host//",
        ARTISAN_MONITORING={
            "HEALTH": {"TOKENS": ["health-token-8"]}, "STORE": {"OPTIONS": {"url": "redis://:store-password-9@h/1"}},
            "OTLP": {"HEADERS": {"authorization": "Bearer otlp-key-10", "x-tenant": "tenant-key-11"}},
        },
    ):  # fmt: skip
        found = set(secrets())

    assert found >= {
        "the-secret-key-4", "an-older-key-5", "p%40ssword-2", "p@ssword-2", "cache-password-3", "mail-password-6",
        "broker-password-7", "health-token-8", "store-password-9", "otlp-key-10", "tenant-key-11",
    }  # fmt: skip


def test_the_passwords_of_mailers_are_known() -> None:
    # Django 6.1 has them instead of the settings of mail.
    mailers = {"default": {"BACKEND": "x", "OPTIONS": {"password": "mailer-password-1"}}, "other": {"BACKEND": "y"}}
    with override_settings(MAILERS=mailers):
        assert "mailer-password-1" in secrets()


def test_an_empty_secret_key_is_the_hosts_own_affair() -> None:
    with override_settings(SECRET_KEY=""):
        assert "" not in secrets()


def test_they_are_taken_out_of_any_text() -> None:
    with override_settings(ARTISAN_MONITORING={"HEALTH": {"TOKENS": ["zebra-crossing-42"]}}):
        cleaned = redactor().text("it said zebra-crossing-42 aloud")

    assert "zebra" not in cleaned


def test_short_and_odd_values_are_left_alone() -> None:
    with override_settings(
        SECRET_KEY="short", ARTISAN_MONITORING={"HEALTH": 3, "STORE": {"OPTIONS": {"url": "http://[bad"}}}
    ):
        assert all(len(each) >= 8 for each in secrets())
