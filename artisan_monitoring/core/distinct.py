"""How many different people: exact up to 64, then a sketch of 1,024 registers; merging is the maximum.

The sketch is HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with linear counting for small ranges: a standard
error of 1.04 / sqrt(1024) = 3.3 %.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import blake2b
from math import log

EXACT_UP_TO = 64
REGISTERS = 1024
_INDEX_BITS = 10
_HASH_BITS = 64
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)


def _hash(value: str) -> int:
    return int.from_bytes(blake2b(value.encode("utf-8", "backslashreplace"), digest_size=8).digest(), "big")


class Distinct:
    """A set of strings of which only the size is asked. Members are kept as 64-bit hashes, never as text."""

    __slots__ = ("_exact", "_registers")

    def __init__(self) -> None:
        self._exact: set[int] | None = set()
        self._registers: bytearray | None = None

    def add(self, value: str) -> None:
        """Count a value once, however often it is added."""
        self._add(_hash(value))

    def _add(self, hashed: int) -> None:
        if self._exact is not None:
            self._exact.add(hashed)
            if len(self._exact) > EXACT_UP_TO:
                self._spill()
            return
        assert self._registers is not None
        index = hashed & (REGISTERS - 1)
        rest = hashed >> _INDEX_BITS
        rank = _HASH_BITS - _INDEX_BITS - rest.bit_length() + 1
        if rank > self._registers[index]:
            self._registers[index] = rank

    def _spill(self) -> None:
        members, self._exact = self._exact, None
        self._registers = bytearray(REGISTERS)
        for hashed in members or ():
            self._add(hashed)

    def merge(self, other: Distinct) -> None:
        """Take over all that another one has seen."""
        if other._exact is not None:
            self._add_all(other._exact)
            return
        if self._exact is not None:
            self._spill()
        assert self._registers is not None and other._registers is not None
        self._registers = bytearray(map(max, self._registers, other._registers))

    def _add_all(self, hashes: Iterable[int]) -> None:
        for hashed in hashes:
            self._add(hashed)

    def estimate(self) -> int:
        """Return how many different values were added: exact up to 64, else with 3.3 % standard error."""
        if self._exact is not None:
            return len(self._exact)
        assert self._registers is not None
        raw = _ALPHA * REGISTERS**2 / sum(2.0**-rank for rank in self._registers)
        empty = self._registers.count(0)
        if raw <= 2.5 * REGISTERS and empty:
            raw = REGISTERS * log(REGISTERS / empty)
        return max(EXACT_UP_TO + 1, round(raw))

    def pack(self) -> str:
        """Return it as text: `e` and the hashes, or `r` and the registers, in base 64."""
        if self._exact is not None:
            raw = b"".join(hashed.to_bytes(8, "big") for hashed in sorted(self._exact))
            return "e" + base64.b64encode(raw).decode()
        assert self._registers is not None
        return "r" + base64.b64encode(self._registers).decode()

    @classmethod
    def unpack(cls, packed: str) -> Distinct:
        """Return what `pack` packed (empty text: an empty one); raise `ValueError` for anything else."""
        distinct = cls()
        if not packed:
            return distinct
        raw = base64.b64decode(packed[1:], validate=True)
        if packed[0] == "e" and len(raw) % 8 == 0:
            distinct._add_all(int.from_bytes(raw[at : at + 8], "big") for at in range(0, len(raw), 8))
        elif packed[0] == "r" and len(raw) == REGISTERS:
            distinct._exact, distinct._registers = None, bytearray(raw)
        else:
            raise ValueError("not a packed distinct count")
        return distinct
