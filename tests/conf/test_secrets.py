"""The project's own secrets are known by value, wherever they stand in its settings."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

from artisan_monitoring.conf import redactor
from artisan_monitoring.conf.secrets import inventory, secrets
from artisan_monitoring.core import guard

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


def found_with(**changes: object) -> set[str]:
    with override_settings(**changes):
        return set(secrets())


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"STRIPE_API_KEY": "stripe-api-key-1"}, "stripe-api-key-1"),
        ({"SENTRY_DSN": "https://public-part-2@sentry.example/7"}, "public-part-2"),
        ({"SEARCH": {"hosts": [{"http_auth": "search-auth-3"}]}}, "search-auth-3"),
        ({"API_KEYS": {"maps": "key-of-maps-4"}}, "key-of-maps-4"),
        ({"SIGNING_SALTS": ["signing-salt-5"], "TOKENS": ("a-token-of-5",)}, "a-token-of-5"),
        ({"SERVICE_URL": "https://user:url-password-6@api.example/"}, "url-password-6"),
        ({"SLACK_WEBHOOK": "https://hooks.slack.example/services/T0/B0/oPaQue7890123456"}, "oPaQue7890123456"),
        ({"JWT_SECRET": b"secret-in-bytes-8"}, "secret-in-bytes-8"),
        ({"UPLOADS": {"OPTIONS": {"secret_key": "storage-key-9"}}}, "storage-key-9"),
        ({"CALLBACK": "https://api.example/?token=query-token-10"}, "query-token-10"),
    ],
)
def test_a_secret_is_found_by_the_name_it_stands_under(changes: dict[str, object], value: str) -> None:
    assert value in found_with(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"TOKEN_MODEL": "shop.models.Token", "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"]},
        {"SESSION_COOKIE_DOMAIN": ".shop.example.com", "CSRF_COOKIE_NAME": "csrf-cookie-name"},
        {"AUTH_PASSWORD_VALIDATORS": [{"NAME": "x.y", "OPTIONS": {"user_attributes": ["first_name", "last_name"]}}]},
        {"CSRF_TRUSTED_ORIGINS": ["https://shop.example.com"], "SSH_KEY_FILE": "/etc/keys/deploy-key"},
        {"PRIVATE_KEY": "/etc/ssl/private/shop.pem", "DB_PASSWORD": "postgres", "PIN_PASSWORD": "12345678"},
        {"ARTISAN_MONITORING": {"REDACTION": {"KEYS": ["customer_voucher"]}}},
    ],
)
def test_what_is_said_about_a_secret_is_none(changes: dict[str, object]) -> None:
    before = found_with()
    assert found_with(**changes) - before == set()


def test_the_environment_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_TOKEN", "token-of-the-environment")
    monkeypatch.setenv("DATABASE_URL", "postgres://shop:environment-password@db/shop")
    monkeypatch.setenv("LANG", "en_GB.UTF-8.and.more")
    assert {"token-of-the-environment", "environment-password"} <= found_with()
    assert "en_GB.UTF-8.and.more" not in found_with()


def test_a_name_that_is_called_harmless_is_left_alone() -> None:
    allow = {"REDACTION": {"ALLOW": ["public_api_key"]}}
    found = found_with(PUBLIC_API_KEY="public-key-1", OTHER_API_KEY="other-key-2", ARTISAN_MONITORING=allow)
    assert "public-key-1" not in found
    assert "other-key-2" in found


def test_a_secret_that_is_set_later_is_known_then() -> None:
    assert redactor().text("zebra-crossing-42") == "zebra-crossing-42"
    with override_settings(SHOP_TOKEN="zebra-crossing-42"):
        assert redactor().text("zebra-crossing-42") == "[redacted]"


def test_a_secret_shows_its_place_and_not_its_value() -> None:
    with override_settings(SHOP_TOKEN="zebra-crossing-42"):
        (found,) = (each for each in inventory() if each.value == "zebra-crossing-42")
    assert found.place == "settings.SHOP_TOKEN"
    assert "zebra" not in repr(found)


@pytest.mark.parametrize(
    ("privacy", "shown"),
    [
        ({}, "a...@example.org +49...67 8.8.4.0"),
        ({"EMAIL": "full", "PHONE": "full", "IP": "full"}, "ann@example.org +49 170 1234567 8.8.4.77"),
        ({"EMAIL": "none", "PHONE": "none", "IP": "none"}, "[email] [phone] [ip]"),
    ],
)
def test_what_belongs_to_a_person_leaves_as_configured(privacy: dict[str, str], shown: str) -> None:
    with override_settings(ARTISAN_MONITORING={"PRIVACY": privacy}):
        assert redactor().text("ann@example.org +49 170 1234567 8.8.4.77") == shown


def test_lazy_settings_stay_lazy_and_broken_ones_hide_no_others() -> None:
    evaluated = []
    lazy = SimpleLazyObject(lambda: evaluated.append(1) or "never-asked-for-1")
    known = SimpleLazyObject(lambda: "evaluated-secret-2")
    assert str(known)

    class Broken(dict):
        def items(self):
            raise RuntimeError("no items")

    found = found_with(A_TOKEN=lazy, B_TOKEN=known, C_TOKEN=Broken(), D_TOKEN="other-token-3")
    assert {"evaluated-secret-2", "other-token-3"} <= found
    assert evaluated == []
    assert guard.failures.pop("conf.secrets") >= 1
