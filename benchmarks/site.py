"""The smallest Django site that carries the app: settings, one plain view, a do-nothing middleware."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.failing import failing

OURS = "artisan_monitoring.middleware."
MONITORING = OURS + "MonitoringMiddleware"
DATABASE = OURS + "DatabaseMonitoringMiddleware"
SECURITY = OURS + "SecurityMonitoringMiddleware"
MONITORED = [MONITORING, DATABASE, SECURITY]
NOTHING = "benchmarks.site.do_nothing"
TEMPLATES: dict[str, Any] = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [f"django.{name}" for name in (
        "template.context_processors.request", "contrib.auth.context_processors.auth",
        "contrib.messages.context_processors.messages")]},
}  # fmt: skip
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


def plain(request: HttpRequest, number: int) -> HttpResponse:
    """Answer at once: what is left is Django and what stands around it."""
    return HttpResponse("ok")


def do_nothing(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Pass each request on: the least that a middleware can cost."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


urlpatterns = [path("plain/<int:number>/", plain), path("failing/<int:number>/", failing)]


def directory() -> Path:
    """Return where this child may write."""
    return Path(os.environ["BENCHMARKS_DIR"])


def set_up(
    *,
    app: bool = True,
    redis_url: str = "",
    logs: bool = True,
    admin: bool = False,
    monitoring: dict[str, Any] | None = None,
    shards: int = 1,
    database: dict[str, Any] | None = None,
) -> None:
    """Configure Django; the databases are SQLite files of this child's own, but for a monitoring `database` given.

    With the admin and its addresses for what opens pages.
    """
    installed = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
    installed += ["django.contrib.admin", "django.contrib.messages", "django.contrib.staticfiles"] if admin else []
    options: dict[str, Any] = {"SERVICE": "bench", "ENVIRONMENT": "production", "DATABASE": "monitoring"}
    if redis_url:
        store = {
            "BACKEND": "artisan_monitoring.stores.redis.RedisStore",
            "OPTIONS": {"url": redis_url, "shards": shards},
        }
        options["STORE"] = store
    configured: dict[str, Any] = {
        "SECRET_KEY": "only-for-benchmarks-0123456789abcdef",
        "ALLOWED_HOSTS": ["testserver", "127.0.0.1"],
        "ROOT_URLCONF": "benchmarks.site",
        "USE_TZ": True,
        "INSTALLED_APPS": [*installed, *(["artisan_monitoring"] if app else [])],
        "DATABASES": {"default": _sqlite("default"), "monitoring": database or _sqlite("monitoring")},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    }
    if app:
        from artisan_monitoring.logs import logging_config

        configured["DATABASE_ROUTERS"] = ["artisan_monitoring.routers.MonitoringRouter"]
        configured["ARTISAN_MONITORING"] = {**options, **(monitoring or {})}
        if logs:
            configured["LOGGING"] = logging_config("INFO", "production")
    if admin:
        configured |= {"ROOT_URLCONF": "benchmarks.admin_urls", "STATIC_URL": "static/", "TEMPLATES": [TEMPLATES]}
    settings.configure(**configured)
    django.setup()


def make_tables() -> None:
    """Create the tables of the app."""
    from django.core.management import call_command

    call_command("migrate", database="monitoring", verbosity=0)


def by_hand() -> None:
    """Keep the flusher's and the housekeeper's threads from starting: the measurement flushes and drains itself."""
    from artisan_monitoring.pipeline.buffer import buffer
    from artisan_monitoring.pipeline.flusher import flusher
    from artisan_monitoring.pipeline.housekeeper import housekeeper

    buffer.on_first = lambda: None
    buffer.on_urgent = None
    flusher.start = housekeeper.start = lambda: None  # type: ignore[method-assign]


def handler(middleware: list[str]) -> Any:
    """Return the WSGI application with this middleware."""
    from django.core.handlers.wsgi import WSGIHandler

    settings.MIDDLEWARE = middleware  # not by override_settings(): django.test imports half of Django
    return WSGIHandler()


def environ(number: int = 5, view: str = "plain") -> dict[str, Any]:
    """Return the WSGI environment of a GET as a server gives it."""
    from django.test import RequestFactory

    request = RequestFactory().get(
        f"/{view}/{number}/", {"page": "2", "sort": "-price"}, headers={"user-agent": AGENT, "accept": "text/html"}
    )
    made: dict[str, Any] = request.environ
    return made


def environs(count: int = 100) -> list[dict[str, Any]]:
    """Return environments of different paths of one route."""
    return [environ(number) for number in range(count)]


def serve(handler: Callable[..., Any], base: dict[str, Any]) -> None:
    """Run one request through the WSGI handler, as a server does."""
    response = handler(dict(base), _start_response)
    for _ in response:
        pass
    response.close()


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    return None


def _sqlite(name: str) -> dict[str, str]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(directory() / f"{name}.sqlite3")}
