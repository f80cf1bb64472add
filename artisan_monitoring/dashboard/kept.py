"""Answers that are kept for a while, so that one reading serves every viewer of a process and several renewals."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ..conf import on_settings_change

T = TypeVar("T")

_forget: list[Callable[[], None]] = []


class Kept(Generic[T]):
    """Answers by key, each for `for_s` seconds, at most `at_most` of them. There is no lock: two threads may read."""

    def __init__(self, for_s: float, at_most: int = 32) -> None:
        self._for_s, self._at_most = for_s, at_most
        self._answers: dict[Hashable, tuple[float, T]] = {}
        _forget.append(self._answers.clear)

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the answer that is kept, or what `read` gives; what that raises is not kept."""
        known = self._answers.get(key)
        now = time.monotonic()
        if known is not None and now - known[0] < self._for_s:
            return known[1]
        answer = read()
        if len(self._answers) >= self._at_most:
            self._answers.clear()
        self._answers[key] = now, answer
        return answer


@on_settings_change
def forget() -> None:
    """Forget all that is kept."""
    for each in _forget:
        each()
