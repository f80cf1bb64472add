"""What the settings make of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from testproject import environment
from tests.testproject.conftest import manage

SHOW = "from django.conf import settings; import json; print(json.dumps({0}, default=str))"


def test_postgres_address_with_everything_in_it() -> None:
    entry = environment.database("postgres://ada:p%40ss@db.example:5433/shop%20one?sslmode=require")
    assert entry == {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "db.example",
        "PORT": "5433",
        "NAME": "shop one",
        "USER": "ada",
        "PASSWORD": "p@ss",
        "OPTIONS": {"sslmode": "require"},
    }


def test_postgres_address_of_a_socket_directory() -> None:
    entry = environment.database("postgresql://postgres:@/postgres?host=/tmp/socket")
    assert (entry["HOST"], entry["NAME"], entry["PORT"], entry["OPTIONS"]) == ("/tmp/socket", "postgres", "", {})


@pytest.mark.parametrize(
    ("url", "name"), [("sqlite:///shop.db", "shop.db"), ("sqlite:////tmp/a%20b.db", "/tmp/a b.db")]
)
def test_sqlite_address(url: str, name: str) -> None:
    entry = environment.database(url)
    assert entry["NAME"] == name
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_other_databases_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="mysql"):
        environment.database("mysql://localhost/shop")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost:6379", "redis://localhost:6379/1"),
        ("redis://localhost:6379/3", "redis://localhost:6379/4"),
        ("rediss://:secret@cache:6380/0?ssl_cert_reqs=none", "rediss://:secret@cache:6380/1?ssl_cert_reqs=none"),
        ("redis://localhost?db=2", "redis://localhost?db=3"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=1"),
    ],
)
def test_next_redis_database(url: str, expected: str) -> None:
    assert environment.redis_database(url, 1) == expected


def test_production_refuses_to_start_with_known_secrets(tmp_path: Path) -> None:
    refused = manage(tmp_path, "check", ENVIRONMENT="production")
    assert refused.returncode != 0
    assert "ENVIRONMENT=production needs SECRET_KEY" in refused.stderr


def test_production_has_no_quick_hasher_no_static_files_and_no_hosts(tmp_path: Path) -> None:
    asked = "[settings.DEBUG, settings.SERVE_STATIC, settings.ALLOWED_HOSTS, settings.PASSWORD_HASHERS]"
    secrets = {"SECRET_KEY": "x" * 60, "PAYMENT_WEBHOOK_SECRET": "y" * 30}
    shown = manage(tmp_path, "shell", "-v", "0", "-c", SHOW.format(asked), ENVIRONMENT="production", **secrets)
    assert shown.stdout.startswith('[false, false, [], ["django.contrib.auth.hashers.PBKDF2PasswordHasher"'), shown
    demo = manage(tmp_path, "demo", ENVIRONMENT="production", **secrets)
    assert demo.returncode != 0
    assert "not with ENVIRONMENT=production" in demo.stderr


def test_redis_and_postgres_settings(tmp_path: Path) -> None:
    asked = (
        "[settings.CACHES['default']['LOCATION'], settings.CACHES['monitoring']['LOCATION'],"
        " settings.CELERY_BROKER_URL, settings.ARTISAN_MONITORING['DATABASE'], sorted(settings.DATABASES),"
        " settings.ARTISAN_MONITORING['STORE']['BACKEND']]"
    )
    urls = {"REDIS_URL": "redis://127.0.0.1:1/4", "DATABASE_URL": "postgres://127.0.0.1:1/shop"}
    shown = manage(tmp_path, "shell", "-v", "0", "-c", SHOW.format(asked), **urls)
    assert shown.stdout.strip() == (
        '["redis://127.0.0.1:1/5", "redis://127.0.0.1:1/6", "redis://127.0.0.1:1/4", "default", ["default"],'
        ' "artisan_monitoring.stores.redis.RedisStore"]'
    ), shown.stderr


def test_project_passes_its_own_checks(tmp_path: Path) -> None:
    checked = manage(tmp_path, "check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr


def test_no_migration_is_missing(tmp_path: Path) -> None:
    checked = manage(tmp_path, "makemigrations", "shop", "--check", "--dry-run")
    assert checked.returncode == 0, checked.stdout
