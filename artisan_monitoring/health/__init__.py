"""Is this site well? Checks that run in threads of their own, and endpoints that answer in time whatever hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conf import Problem

PERIOD_S = 30.0
"""Seconds between two runs of the job `run_health_checks`."""


def problems() -> list[Problem]:
    """Return what is wrong with the settings of this room, for the system checks."""
    from . import registry

    return registry.problems()
