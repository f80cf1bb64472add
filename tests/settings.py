"""Django settings of the tests: a host with the app installed, on SQLite files of its own for each process."""

from __future__ import annotations

import os
from pathlib import Path

import django

from tests.directories import own_directory

# TESTS_DIR is for the child of a test: it shares the databases of its parent.
WORK_DIR = Path(os.environ.get("TESTS_DIR") or own_directory("databases"))


def _sqlite(name: str) -> dict[str, object]:
    """Return a database in a file; the test database is that same file, so that a child sees what a test wrote."""
    path = str(WORK_DIR / f"{name}.sqlite3")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "TEST": {"NAME": path}}


SECRET_KEY = "only-for-tests-4c1f7f0e2b5d4a9c8e63"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
if django.VERSION >= (6, 1):
    MAILERS: dict[str, dict[str, object]] = {
        "default": {}
    }  # before it `EMAIL_BACKEND`; the test runner makes either of them keep the mails
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": _sqlite("default"), "monitoring": _sqlite("monitoring")}
DATABASE_ROUTERS = ["artisan_monitoring.routers.MonitoringRouter"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "artisan_monitoring",
]

MIDDLEWARE = [
    "artisan_monitoring.middleware.MonitoringMiddleware",
    "artisan_monitoring.middleware.DatabaseMonitoringMiddleware",
    "artisan_monitoring.middleware.SecurityMonitoringMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ARTISAN_MONITORING = {"SERVICE": "tests", "ENVIRONMENT": "test", "DATABASE": "monitoring"}
