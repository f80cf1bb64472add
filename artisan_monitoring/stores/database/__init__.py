"""The store that needs nothing but the project's database: `DatabaseStore`."""

from __future__ import annotations

from .store import DatabaseStore

__all__ = ["DatabaseStore"]
