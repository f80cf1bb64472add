"""What the buffer holds and a swap takes out: cells by minute, and records by kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

from ..core.histogram import Cell
from ..core.series import Series

MAX_RECORDS = 1000
"""Records of a kind, and different keys of a merged kind, that one flush may carry."""

Record: TypeAlias = dict[str, Any]
Merge: TypeAlias = Callable[[Record, Record], None]


class Merged:
    """Records of one kind that merge by key."""

    __slots__ = ("by_key", "merge")

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self.by_key: dict[Hashable, Record] = {}


class Harvest:
    """What a swap takes out. Slots are minutes; `observations` counts metric observations and records."""

    __slots__ = ("listed", "merged", "slots", "urgent")

    def __init__(self) -> None:
        self.slots: dict[int, list[tuple[Series, Cell]]] = {}
        self.listed: dict[str, list[Record]] = {}
        self.merged: dict[str, Merged] = {}
        self.urgent = False

    def add(self, kind: str, record: Record) -> bool:
        """Keep a record; return whether there was room for it."""
        rows = self.listed.setdefault(kind, [])
        if len(rows) >= MAX_RECORDS:
            return False
        rows.append(record)
        return True

    def merge(self, kind: str, key: Hashable, delta: Record, merge: Merge) -> bool:
        """Keep a record, or merge it into the one of its key; return whether there was room for it."""
        merged = self.merged.get(kind)
        if merged is None:
            merged = self.merged[kind] = Merged(merge)
        existing = merged.by_key.get(key)
        if existing is not None:
            merge(existing, delta)
        elif len(merged.by_key) >= MAX_RECORDS:
            return False
        else:
            merged.by_key[key] = delta
        return True

    def __bool__(self) -> bool:
        return bool(self.slots or self.listed or self.merged)
