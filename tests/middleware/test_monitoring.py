"""MonitoringMiddleware names, measures and logs each request, in both modes, and changes nothing but one header."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path, re_path

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.core.guard import failures
from artisan_monitoring.logs.context import install
from artisan_monitoring.logs.formatters import JsonFormatter
from artisan_monitoring.middleware import monitoring
from artisan_monitoring.testing import capture_errors, capture_metrics, override_monitoring

DURATION = "http.server.request.duration"


def told(request: HttpRequest, **kwargs: object) -> JsonResponse:
    return JsonResponse(context.current())


async def told_async(request: HttpRequest) -> JsonResponse:
    await asyncio.sleep(0)
    return JsonResponse(context.current())


def broken(request: HttpRequest) -> HttpResponse:
    raise LookupError("no")


def caught(request: HttpRequest) -> HttpResponse:
    try:
        raise LookupError("caught")
    except LookupError as exc:
        error_tracker.track_error(exc)
    return HttpResponse()


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b"one"
        if "break" in request.GET:
            raise LookupError("in the stream")
        yield b"three"

    return StreamingHttpResponse(chunks())


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"one", b"two"):
            await asyncio.sleep(0)
            yield chunk

    return StreamingHttpResponse(chunks())


def stream_told(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[str]:
        for _ in range(2):
            yield json.dumps(context.current()) + "\n"

    return StreamingHttpResponse(chunks())


async def stream_told_async(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[str]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield json.dumps(context.current()) + "\n"

    return StreamingHttpResponse(chunks())


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(__file__).open("rb"))  # the response closes it


async def hang(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(30)
    return HttpResponse()


urlpatterns = [
    path("", told),
    path("told/<int:pk>/", told),
    path("told-async/", told_async),
    re_path(r"^regex/(?P<name>\w+)/$", told),
    path("broken/", broken),
    path("caught/", caught),
    path("stream/", stream),
    path("stream-async/", stream_async),
    path("stream-told/", stream_told),
    path("stream-told-async/", stream_told_async),
    path("file/", file),
    path("hang/", hang),
    path("health/", include("artisan_monitoring.urls")),
]

ours = override_settings(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["artisan_monitoring.middleware.MonitoringMiddleware"],
    ALLOWED_HOSTS=["testserver"],
)


@pytest.fixture(autouse=True)
def _our_site() -> Iterator[None]:
    failures.clear()
    connections.close_all()  # closing a response looks at those that another test has left open
    with ours:
        yield
    assert failures == {}
    assert context.current() == {}
    assert not monitoring._active


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def access_log(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """The access records written in the test, as dictionaries of their fields."""
    records: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(json.loads(JsonFormatter().format(record)))

    handler = Keep()
    factory = logging.getLogRecordFactory()
    install()
    access = logging.getLogger("artisan_monitoring.access")
    level = access.level
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    yield records
    logging.setLogRecordFactory(factory)
    access.removeHandler(handler)
    access.setLevel(level)


# -- identity ----------------------------------------------------------------------------------------------------------


def test_the_view_sees_the_id_that_the_response_carries(client: Client) -> None:
    response = client.get("/told/1/")

    seen = response.json()
    assert response.headers["X-Request-ID"] == seen["request_id"]
    assert len(seen["request_id"]) == len(seen["trace_id"]) == 32
    assert len(seen["span_id"]) == 16
    assert seen["client"] == "127.0.0.0"  # truncated, as PRIVACY says by default


def test_a_strangers_request_id_is_not_believed(client: Client) -> None:
    response = client.get("/told/1/", headers={"x-request-id": "from-a-stranger-1"})

    assert response.headers["X-Request-ID"] != "from-a-stranger-1"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("from-our-proxy-1", True),
        ("short", False),
        ("x" * 10_000, False),
        ("with\r\nheader: 1", False),
        ("é" * 10, False),
    ],
)
def test_a_trusted_proxys_request_id_is_kept_if_it_is_one(client: Client, given: str, *, kept: bool) -> None:
    with override_monitoring(TRUSTED_PROXIES=("127.0.0.1",)):
        response = client.get("/told/1/", headers={"x-request-id": given})

    assert (response.headers["X-Request-ID"] == given) is kept


def test_the_trace_of_the_caller_goes_on(client: Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = client.get("/told/1/", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})

    assert response.json()["trace_id"] == trace
    assert response.json()["span_id"] != "b7ad6b7169203331"


def test_the_client_behind_a_trusted_proxy_is_the_client(client: Client) -> None:
    with override_monitoring(TRUSTED_PROXIES=("127.0.0.1",), PRIVACY={"IP": "full"}):
        response = client.get("/told/1/", headers={"x-forwarded-for": "6.6.6.6, 203.0.113.9"})

    assert response.json()["client"] == "203.0.113.9"


@pytest.mark.parametrize("garbage", ["\x00\xff", "," * 5000, "[[[", "a" * 1_000_000])
def test_garbage_in_headers_changes_nothing(client: Client, garbage: str) -> None:
    with override_monitoring(TRUSTED_PROXIES=("127.0.0.1",)):
        response = client.get(
            "/told/1/",
            HTTP_X_FORWARDED_FOR=garbage, HTTP_TRACEPARENT=garbage, HTTP_X_REQUEST_ID=garbage, HTTP_USER_AGENT=garbage,
        )  # fmt: skip

    assert response.status_code == 200


# -- measuring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "tags"),
    [
        ("/", {"http.route": "/", "http.response.status_code": "200"}),
        ("/told/1/", {"http.route": "/told/<int:pk>/", "http.response.status_code": "200"}),
        ("/regex/a/", {"http.route": r"^regex/(?P<name>\w+)/$", "http.response.status_code": "200"}),
        ("/nowhere/1/", {"http.route": "", "http.response.status_code": "404"}),
        (
            "/broken/",
            {"http.route": "/broken/", "http.response.status_code": "500", "error.type": "builtins.LookupError"},
        ),
    ],
)
def test_duration_is_counted_by_method_template_and_status(client: Client, url: str, tags: dict[str, str]) -> None:
    with capture_metrics() as metrics:
        client.get(url)
        client.get(url)

    (series,) = metrics.series(DURATION)
    assert dict(series.tags) == {"http.request.method": "GET", **tags}
    assert (series.unit, series.kind) == ("s", "distribution")
    assert metrics.count(DURATION) == 2


def test_paths_that_match_nothing_share_one_series(client: Client) -> None:
    with capture_metrics() as metrics:
        for number in range(20):
            client.get(f"/nowhere/{number}/")

    assert len(metrics.series(DURATION)) == 1


def test_unknown_methods_share_one_series(client: Client) -> None:
    with capture_metrics() as metrics:
        for method in ("BREW", "X" * 500):
            client.generic(method, "/told/1/")

    (series,) = metrics.series(DURATION)
    assert dict(series.tags)["http.request.method"] == "_OTHER"


def test_an_exemplar_leads_to_the_trace(client: Client) -> None:
    with capture_metrics() as metrics:
        seen = client.get("/told/1/").json()

    (exemplar,) = (metrics.cell(DURATION).exemplars or {}).values()
    assert exemplar[2] == {"trace_id": seen["trace_id"], "request_id": seen["request_id"]}


def test_an_error_that_a_view_reports_knows_its_request(client: Client) -> None:
    with capture_errors() as errors:
        response = client.get("/caught/")

    (sample,) = errors[0].record["samples"]
    assert (sample["route"], sample["request_id"]) == ("/caught/", response.headers["X-Request-ID"])


def test_async_views_are_measured_in_their_own_mode() -> None:
    async def call() -> HttpResponse:
        return await AsyncClient().get("/told-async/")  # type: ignore[return-value]

    with capture_metrics() as metrics:
        response = asyncio.run(call())

    assert json.loads(response.content)["request_id"] == response.headers["X-Request-ID"]
    assert metrics.count(DURATION, http__route="/told-async/") == 1


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_stream_is_measured_when_it_ends(client: Client, access_log: list[dict[str, Any]]) -> None:
    with capture_metrics() as metrics:
        response = client.get("/stream/")
        before = metrics.count(DURATION)
        body = b"".join(response.streaming_content)
        response.close()
        response.close()

    assert (before, metrics.count(DURATION), body) == (0, 1, b"onethree")
    (record,) = access_log
    assert (record["bytes"], record["request_id"]) == (8, response.headers["X-Request-ID"])


def test_a_client_that_leaves_a_stream_is_told_apart(client: Client, access_log: list[dict[str, Any]]) -> None:
    with capture_metrics() as metrics, capture_errors() as errors:
        response = client.get("/stream/")
        next(iter(response.streaming_content))
        response.close()

    assert metrics.count(DURATION, error__type="client_disconnect") == 1
    assert access_log[0]["error_type"] == "client_disconnect"
    assert errors == []


def test_a_stream_that_breaks_is_an_error(client: Client) -> None:
    with capture_metrics() as metrics, capture_errors() as errors:
        response = client.get("/stream/?break=1")
        with pytest.raises(LookupError):
            list(response.streaming_content)
        response.close()

    assert metrics.count(DURATION, error__type="builtins.LookupError") == 1
    assert len(errors) == 1


def test_a_file_keeps_its_sendfile(access_log: list[dict[str, Any]]) -> None:
    middleware = monitoring.MonitoringMiddleware(file)  # the test client would replace the file by its chunks
    with capture_metrics() as metrics:
        response = middleware(RequestFactory().get("/file/"))
        assert isinstance(response, FileResponse)
        assert response.file_to_stream is not None
        response.close()

    assert metrics.count(DURATION) == 1
    assert "bytes" not in access_log[0]


def test_a_stream_that_nobody_closes_ends_with_its_response() -> None:
    with capture_metrics() as metrics:
        response = monitoring.MonitoringMiddleware(stream)(RequestFactory().get("/stream/"))
        del response
        gc.collect()

    assert metrics.count(DURATION) == 1


def test_an_async_stream_is_measured_when_it_ends(access_log: list[dict[str, Any]]) -> None:
    sent = asyncio.run(serve("/stream-async/"))

    assert b"".join(each.get("body", b"") for each in sent) == b"onetwo"
    assert (access_log[0]["bytes"], access_log[0]["status"]) == (6, 200)


def test_what_a_stream_does_carries_the_ids_of_its_request(client: Client) -> None:
    first, second = client.get("/stream-told/"), client.get("/stream-told/")
    a, b = iter(first.streaming_content), iter(second.streaming_content)
    seen = [json.loads(next(each)) for each in (a, b, a, b)]
    assert context.current() == {}
    first.close()
    second.close()

    ids = [response.headers["X-Request-ID"] for response in (first, second)]
    assert [each["request_id"] for each in seen] == ids * 2
    assert {"trace_id", "span_id", "client"} <= seen[0].keys()


def test_what_an_async_stream_does_carries_the_ids_of_its_request() -> None:
    sent = asyncio.run(serve("/stream-told-async/"))

    seen = [json.loads(each["body"]) for each in sent if each.get("body")]
    headers = dict(sent[0]["headers"])
    assert [each["request_id"].encode() for each in seen] == [headers[b"X-Request-ID"]] * 2


async def serve(url: str, leave_after_s: float | None = None) -> list[dict[str, Any]]:
    """Run one request through the ASGI handler as a server would; the client leaves after a time."""
    sent: list[dict[str, Any]] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b""}
        await asyncio.sleep(leave_after_s if leave_after_s is not None else 30)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": url, "raw_path": url.encode(),
        "query_string": b"", "headers": [(b"host", b"testserver")], "client": ("127.0.0.1", 1), "scheme": "http",
        "asgi": {"version": "3.0"}, "root_path": "", "server": ("testserver", 80),
    }  # fmt: skip
    await ASGIHandler()(scope, receive, send)
    return sent


def test_a_client_that_leaves_an_async_view_is_a_cancellation_and_no_error(access_log: list[dict[str, Any]]) -> None:
    with capture_metrics() as metrics, capture_errors() as errors:
        asyncio.run(serve("/hang/", leave_after_s=0.05))

    assert metrics.count(DURATION, error__type="cancelled", http__route="/hang/") == 1
    assert access_log[0]["error_type"] == "cancelled"
    assert errors == []


# -- access log --------------------------------------------------------------------------------------------------------


def test_one_record_a_request(client: Client, access_log: list[dict[str, Any]]) -> None:
    response = client.get("/told/7/?token=secret", headers={"user-agent": "tests"})

    (record,) = access_log
    assert record["level"] == "INFO"
    assert record["request_id"] == response.headers["X-Request-ID"]
    assert {key: record[key] for key in ("method", "path", "route", "status", "user_agent")} == {
        "method": "GET", "path": "/told/7/", "route": "/told/<int:pk>/", "status": 200, "user_agent": "tests",
    }  # fmt: skip
    assert record["duration_ms"] >= 0
    assert "secret" not in json.dumps(record)


@pytest.mark.parametrize(("url", "level"), [("/told/1/", "INFO"), ("/nowhere/", "WARNING"), ("/broken/", "ERROR")])
def test_the_level_follows_the_status(client: Client, access_log: list[dict[str, Any]], url: str, level: str) -> None:
    client.get(url)

    assert access_log[0]["level"] == level


@pytest.mark.parametrize(("url", "logger"), [("/nowhere/", "Not Found"), ("/broken/", "Internal Server Error")])
def test_what_django_logs_of_an_answer_carries_its_request(
    client: Client, caplog: pytest.LogCaptureFixture, access_log: list[dict[str, Any]], url: str, logger: str
) -> None:
    response = client.get(url)

    (record,) = (each for each in caplog.records if each.getMessage().startswith(logger))
    assert json.loads(JsonFormatter().format(record))["request_id"] == response.headers["X-Request-ID"]


def test_slow_requests_are_warnings(client: Client, access_log: list[dict[str, Any]]) -> None:
    with override_monitoring(ACCESS_LOG={"SLOW_MS": 0}):
        client.get("/told/1/")

    assert access_log[0]["level"] == "WARNING"


def test_excluded_paths_are_silent_until_they_fail(client: Client, access_log: list[dict[str, Any]]) -> None:
    with override_monitoring(ACCESS_LOG={"EXCLUDE": ("/told/", "/broken/")}):
        client.get("/told/1/")
        client.get("/broken/")

    assert [record["path"] for record in access_log] == ["/broken/"]


# -- probes and switches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "evil.example", ""])
def test_probes_are_answered_whatever_the_host(client: Client, host: str) -> None:
    with capture_metrics() as metrics, override_settings(SECURE_SSL_REDIRECT=True):
        response = client.get("/health/liveness", headers={"host": host})

    assert response.status_code == 200
    assert metrics.count(DURATION) == 0


def test_switched_off_it_does_nothing(client: Client) -> None:
    with override_monitoring(ENABLED=False), capture_metrics() as metrics:
        response = client.get("/told/1/")

    assert response.json() == {}
    assert "X-Request-ID" not in response.headers
    assert metrics.names() == set()


def test_the_hosts_answer_is_the_same_but_for_one_header(client: Client) -> None:
    with_us = client.get("/regex/a/")
    with override_settings(MIDDLEWARE=[]):
        without = Client().get("/regex/a/")

    assert set(with_us.headers) - set(without.headers) == {"X-Request-ID"}
    assert (with_us.status_code, with_us.cookies) == (without.status_code, without.cookies)


def test_a_failure_of_ours_never_reaches_the_host(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(monitoring, "new_identity", fail)
    response = client.get("/told/1/")

    assert response.status_code == 200
    assert failures["MonitoringMiddleware.before"] == 1
    failures.clear()
