"""A value that can be awaited though it is there already: for calls that work with and without `await`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Done(Generic[T]):
    """The finished result of a call: `await` it, or ignore it (no warning, unlike a coroutine)."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, T]:
        return self.value
        yield  # makes this a generator

    def __repr__(self) -> str:
        return f"Done({self.value!r})"


DONE: Done[None] = Done(None)
"""One for every call without a result."""
