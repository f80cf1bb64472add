"""One OTLP request over HTTP (OpenTelemetry Protocol specification, "OTLP/HTTP"): protobuf, compressed by gzip."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPException, HTTPMessage
from typing import IO, ClassVar
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ...exceptions import MonitoringError

PATH = "/v1/metrics"
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER_S = 3600.0


class NotExported(MonitoringError):
    """The OTLP endpoint has not taken the metrics; `retry_after_s` is what it asked for, or 0."""

    passing: ClassVar[bool] = True

    def __init__(self, problem: str, retry_after_s: float = 0.0) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s


class _NoRedirect(HTTPRedirectHandler):
    # Metrics and the key in the headers go to the endpoint that the project chose, and nowhere else.
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return None


def url_of(endpoint: str) -> str:
    """Return where metrics go: the endpoint's own path where it is given, as the specification has it."""
    return endpoint if endpoint.endswith(PATH) else endpoint.rstrip("/") + PATH


def post(endpoint: str, headers: Mapping[str, object], body: bytes, timeout_s: float) -> bytes:
    """Send one request and return the answer's body. Raise `NotExported` for any other answer than 2xx, or none."""
    sent = {
        "User-Agent": "artisan-monitoring",
        **{str(key): str(value) for key, value in headers.items()},
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "gzip",
    }
    # Nothing else than HTTP has been let through: see `export.ready`.
    request = Request(url_of(endpoint), gzip.compress(body, 6), sent)  # noqa: S310
    try:
        with closing(build_opener(_NoRedirect).open(request, timeout=timeout_s)) as answer:
            return bytes(answer.read(MAX_ANSWER_BYTES))
    except HTTPError as error:
        error.close()
        raise NotExported(
            f"the endpoint answered {error.code}", _retry_after(error.headers.get("Retry-After"))
        ) from None
    except (OSError, HTTPException, ValueError) as exc:
        raise NotExported(f"the endpoint cannot be reached: {type(exc).__qualname__}: {exc}") from None


def refusal(answer: bytes) -> tuple[int, str]:
    """Return how many points an answer says were refused, and why; none for one that is no message of OTLP."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    try:
        told = ExportMetricsServiceResponse.FromString(answer).partial_success
    except DecodeError:  # a proxy's page, JSON: with a 200 the points were taken all the same
        return 0, ""
    return told.rejected_data_points, told.error_message


def _retry_after(text: str | None) -> float:
    """Return the seconds of Retry-After; a date there counts as nothing asked for."""
    return min(float(text), MAX_RETRY_AFTER_S) if text and text.isascii() and text.isdigit() else 0.0
