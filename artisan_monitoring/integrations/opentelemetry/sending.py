"""One OTLP request over HTTP (OpenTelemetry Protocol specification, "OTLP/HTTP"): protobuf, compressed by gzip."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPException, HTTPMessage
from typing import IO, ClassVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ...conf import get_settings
from ...exceptions import MonitoringError

METRICS, LOGS = "/v1/metrics", "/v1/logs"
"""The signals, by their paths."""

MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER_S = 3600.0


class NotExported(MonitoringError):
    """The OTLP endpoint has not taken what was sent; `retry_after_s` is what it asked for, or 0.

    `status` is what it answered, or 0 if it did not.
    """

    passing: ClassVar[bool] = True

    def __init__(self, problem: str, retry_after_s: float = 0.0, status: int = 0) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s
        self.status = status


class _NoRedirect(HTTPRedirectHandler):
    # What is sent and the key in the headers go to the endpoint that the project chose, and nowhere else.
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return None


def ready() -> bool:
    """Say whether the endpoint is a URL of HTTP; what else it may be, the system checks tell."""
    parts = urlsplit(get_settings().OTLP.ENDPOINT)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def url_of(endpoint: str, path: str) -> str:
    """Return where a signal goes: an endpoint that names the path of one stands for both."""
    for known in (METRICS, LOGS):
        if endpoint.endswith(known):
            return endpoint.removesuffix(known) + path
    return endpoint.rstrip("/") + path


def post(endpoint: str, path: str, headers: Mapping[str, object], body: bytes, timeout_s: float) -> bytes:
    """Send one request and return the answer's body. Raise `NotExported` for any other answer than 2xx, or none."""
    sent = {
        "User-Agent": "artisan-monitoring",
        **{str(key): str(value) for key, value in headers.items()},
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "gzip",
    }
    # Nothing else than HTTP has been let through: see `ready`.
    request = Request(url_of(endpoint, path), gzip.compress(body, 6), sent)  # noqa: S310
    try:
        with closing(build_opener(_NoRedirect).open(request, timeout=timeout_s)) as answer:
            return bytes(answer.read(MAX_ANSWER_BYTES))
    except HTTPError as error:
        error.close()
        asked_s = _retry_after(error.headers.get("Retry-After"))
        raise NotExported(f"the endpoint answered {error.code}", asked_s, error.code) from None
    except (OSError, HTTPException, ValueError) as exc:
        raise NotExported(f"the endpoint cannot be reached: {type(exc).__qualname__}: {exc}") from None


def refused_points(answer: bytes) -> tuple[int, str]:
    """Return how many points an answer says were refused, and why; none for one that is no message of OTLP."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    try:
        told = ExportMetricsServiceResponse.FromString(answer).partial_success
    except DecodeError:  # a proxy's page, JSON: with a 200 the points were taken all the same
        return 0, ""
    return told.rejected_data_points, told.error_message


def refused_records(answer: bytes) -> tuple[int, str]:
    """Return the same of log records."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    try:
        told = ExportLogsServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return 0, ""
    return told.rejected_log_records, told.error_message


def _retry_after(text: str | None) -> float:
    """Return the seconds of Retry-After; a date there counts as nothing asked for."""
    return min(float(text), MAX_RETRY_AFTER_S) if text and text.isascii() and text.isdigit() else 0.0
