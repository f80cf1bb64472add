"""A page in sections that fail one by one: what cannot be read says so in its place, and the rest is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..conf import get_settings
from ..core.guard import report
from ..exceptions import StoreUnavailable
from ..stores.connection import own_connection

T = TypeVar("T")

STORE_AWAY = "The store cannot be read now."
PATIENCE_S = 0.5
"""A failure that took longer was a time-out: the next one would be, too."""


@dataclass(frozen=True, slots=True)
class Section(Generic[T]):
    """What was read, or a sentence about why it was not."""

    value: T | None = None
    problem: str = ""


class Reader:
    """Reads the sections of one page. After one has waited for the store in vain, no other waits again."""

    def __init__(self) -> None:
        self._store_hangs = False

    def store(self, what: str, read: Callable[[], T]) -> Section[T]:
        """Read a section that the store has."""
        if self._store_hangs:
            return Section(problem=STORE_AWAY)
        return self._read(what, read)

    def rows(self, what: str, read: Callable[[], T]) -> Section[T]:
        """Read a section out of tables, on our own connection: a failure leaves the host's transaction whole."""

        def from_tables() -> T:
            with own_connection(get_settings().DATABASE):
                return read()

        return self._read(what, from_tables)

    def _read(self, what: str, read: Callable[[], T]) -> Section[T]:
        started = time.perf_counter()
        try:
            return Section(read())
        except StoreUnavailable as exc:
            self._store_hangs |= time.perf_counter() - started > PATIENCE_S
            report(f"dashboard.{what}", exc)
            return Section(problem=STORE_AWAY)
        except Exception as exc:
            # The class only: a driver's message holds host names and passwords, and the log has it anyway.
            report(f"dashboard.{what}", exc)
            return Section(problem=f"This cannot be read now ({type(exc).__name__}). The log says more.")
