"""A row of the result: a measured figure, its spread, its target; and all rows as a table for a terminal."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `target` is the most it may be, or the least where `at_least`; None: shown for comparison only."""

    group: str
    name: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    target: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """`ok` or `MISSED` against the target, `-` without one, `skipped` where nothing could be measured."""
        if self.value is None:
            return "skipped"
        if self.target is None:
            return "-"
        good = self.value >= self.target if self.at_least else self.value <= self.target
        return "ok" if good else "MISSED"

    def as_json(self) -> dict[str, object]:
        """Return the row as plain values, with its verdict."""
        return {
            "group": self.group, "name": self.name, "value": self.value, "unit": self.unit, "low": self.low,
            "high": self.high, "target": self.target, "at_least": self.at_least, "verdict": self.verdict,
            "note": self.note,
        }  # fmt: skip


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, lower and upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def skipped(group: str, name: str, why: str) -> Row:
    """Return the row of something that this machine cannot measure."""
    return Row(group, name, None, "", note=why)


HEAD = f"{'':46}{'median':>13} {'quartiles':>19} {'target':>11}  verdict"


def lines(rows: Iterable[Row], before: Row | None = None) -> list[str]:
    """Return the table's lines, groups apart; `before` is the row that was printed last."""
    text: list[str] = []
    for row in rows:
        if before is None or row.group != before.group:
            text += ["", row.group]
        text.append(_line(row))
        before = row
    return text


def _line(row: Row) -> str:
    value = "-" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
    quartiles = "" if row.low is None or row.high is None else f"{_number(row.low)} - {_number(row.high)}"
    target = "" if row.target is None else f"{'>=' if row.at_least else '<='} {_number(row.target)}"
    note = f"  {row.note}" if row.note else ""
    return f"  {row.name:44}{value:>13} {quartiles:>19} {target:>11}  {row.verdict:7}{note}".rstrip()


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
