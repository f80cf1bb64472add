"""An OTLP receiver on loopback: real HTTP, and the messages read by OpenTelemetry's own package."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

LOST = 0
"""As an answer's status: the request is taken, and its answer does not arrive."""


@dataclass
class Receiver:
    """What came in, and what to answer: `answers` are used up one by one, then it is 200 with an empty message."""

    port: int = 0
    requests: list[ExportMetricsServiceRequest] = field(default_factory=list)
    log_requests: list[ExportLogsServiceRequest] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, status: int, **headers: str) -> None:
        self.answers.append((status, headers, b""))

    def take_but(self, points: int, why: str) -> None:
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points = points
        answer.partial_success.error_message = why
        self.answers.append((200, {}, answer.SerializeToString()))

    def take_logs_but(self, records: int, why: str) -> None:
        answer = ExportLogsServiceResponse()
        answer.partial_success.rejected_log_records = records
        answer.partial_success.error_message = why
        self.answers.append((200, {}, answer.SerializeToString()))

    def logs(self) -> list[Log]:
        """Return the log records, over all requests in their order."""
        return [
            Log(plain(resource.resource.attributes), scope.scope.name, record)
            for request in self.log_requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self, name: str) -> list[Any]:
        """Return the metrics of a name, over all requests."""
        return [
            metric
            for request in self.requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def point(self, name: str) -> Any:
        """Return the newest point of a metric."""
        metric = self.metrics(name)[-1]
        return list(getattr(metric, metric.WhichOneof("data")).data_points)[-1]


@dataclass
class Log:
    """A log record with the attributes of its resource and the name of its scope."""

    resource: dict[str, object]
    scope: str
    record: Any

    @property
    def body(self) -> object:
        return value(self.record.body)

    @property
    def attributes(self) -> dict[str, object]:
        return plain(self.record.attributes)


def plain(pairs: Any) -> dict[str, object]:
    """Return attributes as Python's values."""
    return {each.key: value(each.value) for each in pairs}


def value(any_value: Any) -> Any:
    """Return a value of the protocol as Python's."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(each) for each in any_value.array_value.values]
    if kind == "kvlist_value":
        return plain(any_value.kvlist_value.values)
    return getattr(any_value, kind) if kind else None


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver while the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            receiver.headers.append(self.headers)
            status, headers, answer = receiver.answers.pop(0) if receiver.answers else (200, {}, b"")
            if status in (LOST, 200):
                self.take(gzip.decompress(body))
            if status == LOST:
                self.close_connection = True
                return
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def take(self, body: bytes) -> None:
            if self.path.endswith("/v1/logs"):
                receiver.log_requests.append(ExportLogsServiceRequest.FromString(body))
            else:
                receiver.requests.append(ExportMetricsServiceRequest.FromString(body))

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(point: Any) -> dict[str, str]:
    """Return a point's attributes."""
    return {each.key: each.value.string_value for each in point.attributes}


def bins(point: Any) -> dict[int, int]:
    """Return an exponential histogram's filled buckets by our index: the upper bound is base**index."""
    return {point.positive.offset + at + 1: count for at, count in enumerate(point.positive.bucket_counts) if count}
