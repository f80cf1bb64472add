"""The trail of a sample: what the request did before it failed, and after, on one time line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any

KINDS = {"log": "Log", "query": "Query", "cache": "Cache", "http": "HTTP", "breadcrumb": "Note"}
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened `at` seconds into the request; `times` alike in a row are one, their `ms` added up.

    `start` and `width` are its place on the whole line, in per cent.
    """

    at: float
    kind: str
    label: str
    text: str
    level: str
    ms: float | None
    times: int
    data: tuple[tuple[str, str], ...]
    start: float
    width: float

    @property
    def at_ms(self) -> str:
        """When, in milliseconds, as text."""
        return in_ms(self.at * 1_000)

    @property
    def took(self) -> str:
        """How long it took, as text; nothing where it is not known."""
        return "" if self.ms is None else f"{in_ms(self.ms)} ms"


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps up to the failure and after it, in order; `failed_at` seconds and `failed` per cent, if known."""

    before: tuple[Step, ...]
    after: tuple[Step, ...]
    failed_at: float | None
    failed: float
    length_s: float

    @property
    def summary(self) -> list[tuple[str, int, float]]:
        """How many of each kind there were and the ms they took, as (label, count, ms)."""
        steps = (*self.before, *self.after)
        labels = dict.fromkeys(step.label for step in steps)
        return [
            (label, sum(step.times for step in steps if step.label == label),
             sum(step.ms or 0.0 for step in steps if step.label == label))
            for label in labels
        ]  # fmt: skip


def trail_of(details: Mapping[str, Any]) -> Trail | None:
    """Return the trail of a sample's details, or None where it has none, as older ones have."""
    raw = details.get("trail")
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not raw:
        return None
    entries = sorted((each for each in raw if isinstance(each, Mapping)), key=lambda each: _number(each.get("at")))
    failed_at = _number(details["trail_at"]) if _is_number(details.get("trail_at")) else None
    ends = [_number(each.get("at")) + _number(each.get("ms")) / 1_000 for each in entries]
    length_s = max([*ends, failed_at or 0.0, 1e-6])
    before = [each for each in entries if failed_at is None or _number(each.get("at")) <= failed_at]
    after = entries[len(before) :]
    return Trail(
        tuple(_steps(before, length_s)),
        tuple(_steps(after, length_s)),
        failed_at,
        _per_cent(failed_at or 0.0, length_s),
        length_s,
    )


def _steps(entries: Sequence[Mapping[str, Any]], length_s: float) -> Iterator[Step]:
    for _, run in groupby(entries, key=lambda each: (each.get("kind"), each.get("text"), each.get("level"))):
        alike = list(run)
        first = alike[0]
        at, kind = _number(first.get("at")), str(first.get("kind"))
        ms = [_number(each["ms"]) for each in alike if _is_number(each.get("ms"))]
        end = _number(alike[-1].get("at")) + (ms[-1] / 1_000 if ms else 0.0)
        data = first.get("data")
        yield Step(
            at=at,
            kind=kind if kind in KINDS else "other",
            label=KINDS.get(kind, OTHER),
            text=str(first.get("text") or ""),
            level=str(first.get("level") or ""),
            ms=sum(ms) if ms else None,
            times=len(alike),
            data=tuple((str(name), str(value)) for name, value in data.items()) if isinstance(data, Mapping) else (),
            start=_per_cent(at, length_s),
            width=_per_cent(max(0.0, end - at), length_s),
        )


def in_ms(ms: float) -> str:
    """Return milliseconds as text: to a tenth where that can matter."""
    return f"{ms:,.1f}" if ms < 100 else f"{ms:,.0f}"


def _per_cent(seconds: float, length_s: float) -> float:
    return round(min(100.0, max(0.0, seconds / length_s * 100)), 2)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else 0.0
