"""Settings of the test project, read from REDIS_URL, DATABASE_URL, LOG_LEVEL, ENVIRONMENT and a few more.

Nothing has to be set: SQLite files in `var/`, no Redis, no Celery worker. Set REDIS_URL and DATABASE_URL, and the same
site runs on Redis and PostgreSQL.
"""

from __future__ import annotations

import os
from pathlib import Path

import django

from artisan_monitoring.logs import logging_config
from artisan_monitoring.schedules import beat_schedule
from testproject import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DEMO_DIR") or BASE_DIR / "var").resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

ENVIRONMENT = os.environ.get("ENVIRONMENT", "development")
RELEASE = os.environ.get("RELEASE", "1.0.0")
LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO").upper()
REDIS_URL = os.environ.get("REDIS_URL", "")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
PRODUCTION = ENVIRONMENT == "production"

# Off unless asked for: error pages and monitoring then behave as they would on a real site.
DEBUG = environment.flag("DEBUG")
# No web server stands before a demo. A real site lets nginx serve STATIC_ROOT.
SERVE_STATIC = environment.flag("SERVE_STATIC", default=not PRODUCTION)
SECRET_KEY = environment.secret("SECRET_KEY", ENVIRONMENT, "development-only-8d1f0c6b9e5a47d2a3c4b5e6f7a8b9c0d1e2f3")
PAYMENT_WEBHOOK_SECRET = environment.secret("PAYMENT_WEBHOOK_SECRET", ENVIRONMENT, "development-only-payment-secret")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "artisan_monitoring",
    "testproject.shop",
    "testproject.demo",
]
MIDDLEWARE = [
    "artisan_monitoring.middleware.MonitoringMiddleware",
    "artisan_monitoring.middleware.DatabaseMonitoringMiddleware",
    "artisan_monitoring.middleware.SecurityMonitoringMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "testproject.policy.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "testproject.urls"
WSGI_APPLICATION = "testproject.wsgi.application"
ASGI_APPLICATION = "testproject.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "testproject.shop.context.cart",
            ]
        },
    }
]

DATABASES = {"default": environment.database(DATABASE_URL or f"sqlite:///{DATA_DIR / 'shop.sqlite3'}")}
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    # A background writer in the shop's own file would fail the shop's transactions with "database is locked".
    DATABASES["monitoring"] = environment.sqlite(DATA_DIR / "monitoring.sqlite3")
    DATABASE_ROUTERS = ["artisan_monitoring.routers.MonitoringRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if REDIS_URL:
    # The broker has REDIS_URL's own number, the cache and the monitoring have the next two: cache.clear() empties one.
    CACHES = {
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": environment.redis_database(REDIS_URL, 1)},
        "monitoring": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": os.environ.get("MONITORING_REDIS_URL") or environment.redis_database(REDIS_URL, 2),
        },
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]
if not PRODUCTION:
    PASSWORD_HASHERS = ["testproject.hashers.QuickPasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
# Into a file: the console is for the demo's status line, and Django's locmem outbox means "a test is running".
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "testproject.mailbox.MailboxFile"}}
else:
    EMAIL_BACKEND = "testproject.mailbox.MailboxFile"
MAILBOX_FILE = DATA_DIR / "mailbox.txt"
DEFAULT_FROM_EMAIL = "shop@artisans.example"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.flag("BEHIND_TLS_PROXY") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = environment.flag("BEHIND_TLS_PROXY")

CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_ALWAYS_EAGER = not REDIS_URL  # without Redis nobody would take the messages: run the task at once
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False  # a checkout does not wait for a broker that is away
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = beat_schedule() if REDIS_URL else {}  # without a broker the web process keeps house itself
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

LOGGING = logging_config(level=LOG_LEVEL, environment=ENVIRONMENT)
ARTISAN_MONITORING = {
    "SERVICE": "artisan-promotion-platform",
    "ENVIRONMENT": ENVIRONMENT,
    "RELEASE": RELEASE,
    "DATABASE": "monitoring" if ON_SQLITE else "default",
    "STORE": (
        {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"alias": "monitoring"}}
        if REDIS_URL
        else {"BACKEND": "artisan_monitoring.stores.database.DatabaseStore"}
    ),
    # On loopback is whoever tries the project, or their proxy; the demo's visitors bring addresses of their own.
    "TRUSTED_PROXIES": environment.words("TRUSTED_PROXIES", "" if PRODUCTION else "127.0.0.1/32,::1/128"),
    "HEALTH": {"TOKENS": environment.words("HEALTH_TOKENS")},
}
