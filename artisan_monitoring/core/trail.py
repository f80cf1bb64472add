"""The trail of a unit of work: what it did, in order, so that an error can show what came before it.

Entries are raw tuples in two bounded rings that go with the request: nearly every request ends well, so text is made,
and secrets are taken out, only where an error's sample is built. A request in which nothing happens has no trail.
"""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from time import perf_counter
from typing import TypeAlias

from . import context
from .context import Observation

LOG, QUERY, CACHE, HTTP, BREADCRUMB = KINDS = ("log", "query", "cache", "http", "breadcrumb")
# Two rings, so that the 300 queries of a loop do not push out the line that says why there is one.
CALLS = 100
TOLD = 50

Entry: TypeAlias = "tuple[str, float, float | None, object, object] | list[object]"
"""Kind, start by `perf_counter`, seconds it took if it is known, what it was, and more by kind (see `errors.trails`).
A list where the end is filled in later."""


class Trail:
    """What one unit of work did (`calls`), what was said about it (`told`), and the tags that the project gave it."""

    __slots__ = ("calls", "tags", "told")

    def __init__(self) -> None:
        self.calls: deque[Entry] = deque(maxlen=CALLS)
        self.told: deque[Entry] = deque(maxlen=TOLD)
        self.tags: dict[str, object] = {}


# Of code that runs in no request or task: a command, a thread.
_outside: ContextVar[Observation | None] = ContextVar("artisan_outside", default=None)


def running() -> Observation | None:
    """Return the unit of work that runs; outside of one, what stands for it if anything was told there."""
    return context.observation.get() or _outside.get()


def here() -> Trail:
    """Return the trail of what runs now, made at the first call. For what the project itself tells."""
    observation = running()
    if observation is None:
        observation = Observation("outside")
        _outside.set(observation)
    return of(observation)


def of(observation: Observation) -> Trail:
    """Return the trail of a unit of work, made at the first call."""
    trail = observation.trail
    if trail is None:
        trail = observation.trail = Trail()
    return trail


def call(kind: str, started: float, what: object, more: object = None) -> None:
    """Note a call that has just ended, if a unit of work runs."""
    observation = context.observation.get()
    if observation is not None:
        of(observation).calls.append((kind, started, perf_counter() - started, what, more))
