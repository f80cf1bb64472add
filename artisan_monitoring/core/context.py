"""What is known about the unit of work that runs now (a request or a task), one context variable per key."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reach import InReach
    from .trail import Trail


class Observation:
    """One request or task while it runs: a mutable account that middleware, query timing and error capture share.

    Child tasks and threads that inherit the context share the object on purpose: their queries belong to the request.
    """

    __slots__ = (
        "__weakref__",
        "client",
        "client_shown",
        "elapsed_s",
        "error_type",
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
        "secrets",
        "size_bytes",
        "span_id",
        "started",
        "started_at",
        "status",
        "trace_flags",
        "trace_id",
        "trail",
        "user_agent",
        "user_pk",
    )

    def __init__(self, kind: str = "request") -> None:
        self.kind = kind
        self.started = time.perf_counter()
        self.started_at = time.time()
        self.request_id = self.trace_id = self.span_id = self.client = ""
        self.client_shown = ""
        """The client's address as it may be kept."""
        self.parent_span_id: str | None = None
        self.trace_flags = 1
        self.method = self.path = self.user_agent = ""
        self.route: str | None = None
        self.user_pk: str | None = None
        self.status: int | None = None
        """0 for a request that ended without an answer."""
        self.elapsed_s = 0.0
        self.size_bytes = -1
        """-1 while unknown."""
        self.error_type = ""
        self.query_count = 0
        self.query_time_s = 0.0
        self.exception: BaseException | None = None
        self.request: weakref.ref[object] | None = None
        self.secrets: InReach | None = None
        """Its secrets by value, as far as they were asked for."""
        self.trail: Trail | None = None

    def as_exemplar(self) -> dict[str, str]:
        """Return what leads from a value to this request or task."""
        return {"trace_id": self.trace_id, "request_id": self.request_id}


observation: ContextVar[Observation | None] = ContextVar("artisan_observation", default=None)


class Key:
    """One key: what the observation that runs says, else what was set here.

    So a request's identity is one variable to set and one to clear, not five each: 3 us of each request.
    """

    __slots__ = ("_attribute", "own")

    used = False
    """Whether any key was ever set in this process: most web processes never do, and need not look."""

    def __init__(self, name: str, attribute: str = "") -> None:
        self._attribute = attribute
        self.own: ContextVar[str | None] = ContextVar(f"artisan_{name}", default=None)

    def get(self) -> str | None:
        """Return the value in force, or nothing."""
        if not self._attribute:
            return self.own.get()
        running = observation.get()
        said: str = getattr(running, self._attribute) if running is not None else ""
        return said or self.own.get()

    def set(self, value: str | None) -> Token[str | None]:
        """Set the value for where no observation says one."""
        Key.used = True
        return self.own.set(value)

    def reset(self, token: Token[str | None]) -> None:
        """Undo a `set`."""
        self.own.reset(token)


request_id = Key("request_id", "request_id")
trace_id = Key("trace_id", "trace_id")
span_id = Key("span_id", "span_id")
client = Key("client", "client_shown")
user_pk = Key("user_pk")
task = Key("task")

KEYS: tuple[tuple[str, Key], ...] = (
    ("request_id", request_id),
    ("trace_id", trace_id),
    ("span_id", span_id),
    ("client", client),
    ("user_pk", user_pk),
    ("task", task),
)


_OWN = tuple(key.own for _, key in KEYS)


def current() -> dict[str, str]:
    """Return the keys that are set, as `{"request_id": ..., "trace_id": ...}`."""
    return {key: value for key, variable in KEYS if (value := variable.get()) is not None}


def clear() -> None:
    """Set every key to nothing.

    Tokens are not kept for `reset()`: under `sync_to_async` the end may run in another context, where resetting a
    token raises.
    """
    observation.set(None)
    # Each request ends here. Asking is half the price of setting.
    if Key.used:
        for own in _OWN:
            if own.get() is not None:
                own.set(None)


@contextmanager
def within(of: Observation) -> Iterator[None]:
    """Run the block under a request's identity, whatever runs around it: a stream is read when its request is gone, or
    when the server has begun the next one.
    """
    outer = observation.get()
    observation.set(of)
    try:
        yield
    finally:
        observation.set(outer)
