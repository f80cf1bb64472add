"""Views that receive, raise, record and hold what no good view does."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from artisan_monitoring import AlertSeverity, error_tracker, logger, metrics_collector
from tests.e2e.planted import secret


def plain(request: HttpRequest) -> HttpResponse:
    """Do nothing at all."""
    return HttpResponse("plain")


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    """Answer with everything that came in, so that two servers can be compared by their bytes."""
    form = {} if request.content_type == "application/json" else dict(request.POST.lists())
    return JsonResponse(
        {"path": request.path, "query": dict(request.GET.lists()), "form": form, "body": repr(request.body)}
    )


class Broken:
    """Raises when it is shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


class Endless:
    """Shows itself for ever."""

    def __repr__(self) -> str:
        return repr(self)


class Querying:
    """Asks the database when it is shown."""

    def __repr__(self) -> str:
        return f"<{get_user_model().objects.count()} users>"


class BrokenError(Exception):
    __repr__ = __str__ = Broken.__repr__


class EndlessError(Exception):
    def __str__(self) -> str:
        return str(self)

    __repr__ = __str__


class QueryingError(Exception):
    __repr__ = __str__ = Querying.__repr__


def fail(request: HttpRequest, name: str) -> HttpResponse:
    """Raise an error that cannot be shown, or with locals that cannot."""
    broken, endless, querying = Broken(), Endless(), Querying()
    knot: dict[str, Any] = {"broken": broken, "endless": endless, "querying": querying}
    knot["self"] = knot
    errors = {
        "broken": BrokenError(broken),
        "endless": EndlessError(),
        "querying": QueryingError(querying),
        "locals": ValueError("with locals"),
        "bytes": ValueError("lone \udc80 and \x00 and \x1b[31m\r\nforged"),
        "long": ValueError("x" * 1_000_000),
    }
    if name == "query":
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table WHERE name = %s", ["parameter"])
    if name == "deep":
        return fail(request, name)
    if name == "cycle":
        one, other = ValueError("one"), ValueError("other")
        one.__context__, other.__context__ = other, one
        raise one
    raise errors[name]


VALUES: tuple[Any, ...] = (
    math.nan, math.inf, -math.inf, None, 10**400, 10**5000, Decimal("NaN"), "1", Broken(), [], -1,
)  # fmt: skip
TAGS: tuple[Any, ...] = ({"a": Broken()}, 5, {"status": 200}, {None: None}, {"x": "\udc80\x00\r\n"}, {"y": Querying})


def metrics(request: HttpRequest) -> HttpResponse:
    """Record what is no value, and tags that are no strings; then one that is right."""
    for value in VALUES:
        metrics_collector.increment("e2e.bad", value)
        metrics_collector.observe("e2e.bad_sizes", value, "bytes")
    for tags in TAGS:
        metrics_collector.increment("e2e.tags", tags=tags)
    metrics_collector.increment("e2e.good", 10**30)
    return HttpResponse("recorded")


def metadata(request: HttpRequest) -> HttpResponse:
    """Log and record metadata with a knot in it, and things that cannot be shown."""
    knot: dict[str, Any] = {"broken": Broken(), "endless": Endless(), "list": []}
    knot["self"] = knot["list"]
    knot["list"].append(knot)
    logger.info("with a knot", metadata=knot, field=knot)
    metrics_collector.observe("e2e.knot", 1, "s", metadata=knot)
    error_tracker.track_error(ValueError("knot"), AlertSeverity.LOW, context=knot, request=request)
    return HttpResponse("recorded")


class Client:
    """Holds a secret, and tells it to whoever looks."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Client(url='https://bob:{self.token}@api.example/v1', token={self.token!r})"


@csrf_exempt
def with_secrets(request: HttpRequest, outcome: str) -> HttpResponse:
    """Use secrets as a careless project would: in locals, messages, logs, metadata, settings and SQL."""
    number = int(request.GET["n"])

    def made(kind: str) -> str:
        return secret(kind, number)

    password, api_token = made("local_password"), made("local_token")
    headers = [("Authorization", made("local_pair")), ("Accept", "*/*")]
    credentials = {"user": "bob", "client_secret": made("local_dict"), "headers": headers}
    secret_key, client = settings.SECRET_KEY, Client(made("local_attribute"))
    dsn = f"postgres://shop:{made('url')}@db.internal:5432/shop"
    logger.info("signing in", password=made("log_field"), metadata={"api_token": made("log_metadata"), "dsn": dsn})
    logger.warning(f"upstream said: Authorization: Bearer {made('log_text')}")
    logging.getLogger("careless").error("cannot sign in: %s", {"passwd": made("log_argument")})
    metadata = {"secret_key": made("metric_metadata"), "dsn": dsn}
    metrics_collector.observe("e2e.signing", 0.5, "s", metadata=metadata)
    request.body  # noqa: B018  # a body that was read is one that could be reported
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 WHERE 'a' = %s", [made("sql")])
    if outcome == "handled":
        context = {"refresh_token": made("context"), "call": credentials}
        error_tracker.track_error(ConnectionError(f"cannot reach {dsn}"), AlertSeverity.CRITICAL, context, request)
    elif outcome == "failed":
        try:
            raise ConnectionError(f"cannot reach redis://:{made('message_url')}@cache:6379/0")
        except ConnectionError as cause:
            raise RuntimeError(f"login failed: password={made('message_pair')}") from cause
    elif outcome == "query":
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table WHERE token = %s", [made("sql_failed")])
    return JsonResponse({"used": [len(text) for text in (password, api_token, secret_key, repr(client))]})
