"""What is known about the unit of work that runs now (a request or a task), one context variable per key."""

from __future__ import annotations

import time
import weakref
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("artisan_request_id", default=None)
trace_id: ContextVar[str | None] = ContextVar("artisan_trace_id", default=None)
span_id: ContextVar[str | None] = ContextVar("artisan_span_id", default=None)
client: ContextVar[str | None] = ContextVar("artisan_client", default=None)
user_pk: ContextVar[str | None] = ContextVar("artisan_user_pk", default=None)
task: ContextVar[str | None] = ContextVar("artisan_task", default=None)

KEYS: tuple[tuple[str, ContextVar[str | None]], ...] = (
    ("request_id", request_id),
    ("trace_id", trace_id),
    ("span_id", span_id),
    ("client", client),
    ("user_pk", user_pk),
    ("task", task),
)


class Observation:
    """One request or task while it runs: a mutable account that middleware, query timing and error capture share.

    Child tasks and threads that inherit the context share the object on purpose: their queries belong to the request.
    """

    __slots__ = (
        "__weakref__",
        "client",
        "exception",
        "kind",
        "method",
        "parent_span_id",
        "path",
        "query_count",
        "query_time_s",
        "request",
        "request_id",
        "route",
        "scheme",
        "span_id",
        "started",
        "started_at",
        "status",
        "trace_flags",
        "trace_id",
        "user_pk",
    )

    def __init__(self, kind: str = "request") -> None:
        self.kind = kind
        self.started = time.perf_counter()
        self.started_at = time.time()
        self.request_id = self.trace_id = self.span_id = self.client = ""
        self.parent_span_id: str | None = None
        self.trace_flags = 1
        self.method = self.path = self.scheme = ""
        self.route: str | None = None
        self.user_pk: str | None = None
        self.status: int | None = None
        self.query_count = 0
        self.query_time_s = 0.0
        self.exception: BaseException | None = None
        self.request: weakref.ref[object] | None = None


observation: ContextVar[Observation | None] = ContextVar("artisan_observation", default=None)


def current() -> dict[str, str]:
    """Return the keys that are set, as `{"request_id": ..., "trace_id": ...}`."""
    return {key: value for key, variable in KEYS if (value := variable.get()) is not None}


def clear() -> None:
    """Set every key to nothing.

    Tokens are not kept for `reset()`: under `sync_to_async` the end may run in another context, where resetting a
    token raises.
    """
    for _, variable in KEYS:
        variable.set(None)
    observation.set(None)
