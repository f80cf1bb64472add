"""The vocabulary that crosses rooms: severities and the kinds of what is observed."""

from __future__ import annotations

from enum import StrEnum


class AlertSeverity(StrEnum):
    """How bad something is, lowest first; `rank` orders them (0..3)."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(AlertSeverity)}
