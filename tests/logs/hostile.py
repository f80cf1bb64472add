"""Objects that no formatter likes."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.functional import SimpleLazyObject


class Broken:
    armed = False  # hypothesis shows a failing example by its repr

    def __init__(self, error: type[BaseException] = ValueError) -> None:
        self.error = error

    def __repr__(self) -> str:
        if not Broken.armed:
            return "Broken()"
        raise self.error("broken")

    __str__ = __repr__


class Endless:
    def __repr__(self) -> str:
        return repr(self) if Broken.armed else "Endless()"


class BrokenError(Exception):
    def __str__(self) -> str:
        if not Broken.armed:
            return "broken"
        raise RecursionError

    __repr__ = __str__


@contextmanager
def armed() -> Iterator[None]:
    Broken.armed = True
    try:
        yield
    finally:
        Broken.armed = False


def cyclic() -> dict[str, object]:
    value: dict[str, object] = {"a": 1}
    value["self"] = value
    return value


NASTY: list[object] = [
    Broken(),
    Broken(RecursionError),
    Endless(),
    cyclic(),
    "\udc80",
    "\ud83d",
    "😀",
    "\u2028\u2029\x85\x9b\x7f\x1b[31m\r\n\x00",
    float("nan"),
    float("-inf"),
    10**30,
    10**5_000,
    b"\xff\x00",
    {(1, 2): {3: None}},
    {"\udc80": "\udfff"},
    {Broken(): 1},
    decimal.Decimal("NaN"),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "x" * 70_000,
    "é" * 30_000,
    ["y" * 9_000] * 9,
    {str(number): number for number in range(1_000)},
    SimpleLazyObject(lambda: 1 / 0),
    BrokenError("x"),
    object(),
    type,
    range(10**9),
    iter([1]),
]
