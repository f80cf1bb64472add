"""Is this site well? Checks that run in threads of their own, and endpoints that answer in time whatever hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conf import Problem


def problems() -> list[Problem]:
    """Return what is wrong with the settings of this room, for the system checks."""
    from . import registry

    return registry.problems()
