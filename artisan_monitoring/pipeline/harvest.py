"""What the buffer holds and a swap takes out: cells by minute, and records by kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..core.histogram import Cell
from ..core.series import Series

Record: TypeAlias = dict[str, Any]
Merge: TypeAlias = Callable[[Record, Record], None]


@dataclass(slots=True)
class Merged:
    """Records of one kind that merge by key."""

    merge: Merge
    by_key: dict[Hashable, Record] = field(default_factory=dict)


@dataclass(slots=True)
class Harvest:
    """What a swap takes out. Slots are minutes; `observations` counts metric observations and records."""

    slots: dict[int, list[tuple[Series, Cell]]] = field(default_factory=dict)
    listed: dict[str, list[Record]] = field(default_factory=dict)
    merged: dict[str, Merged] = field(default_factory=dict)
    urgent: bool = False

    def __bool__(self) -> bool:
        return bool(self.slots or self.listed or self.merged)
