"""Checks of the machine: CPU, memory and disk, each against a share at which it warns and one at which it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from ...metrics.cgroup import cgroup_percent
from ..base import Check, Measurement, Status


@dataclass(frozen=True, kw_only=True)
class _Utilization(Check):
    """Judge a share in percent. A machine that is full is a warning: a restart or fewer replicas would not help it."""

    component_type: ClassVar[str] = "system"
    measures: ClassVar[str] = "utilization"

    critical: bool = False
    warn_percent: float = 90.0
    fail_percent: float = 97.0

    def percent(self) -> float:
        """Return what is used, in percent."""
        raise NotImplementedError

    def run(self) -> Sequence[Measurement]:
        """Return the share used, in percent, judged."""
        percent = round(self.percent(), 1)
        status = Status.PASS
        if percent >= self.warn_percent:
            status = Status.FAIL if percent >= self.fail_percent else Status.WARN
        output = f"at or above {self.fail_percent if status is Status.FAIL else self.warn_percent:g} percent"
        return [Measurement("utilization", percent, "percent", status, "" if status is Status.PASS else output)]


@dataclass(frozen=True, kw_only=True)
class CpuCheck(_Utilization):
    """Measure the processors over `over_s` seconds. A busy machine works: it warns, and never fails unless told to."""

    name: str = "cpu"
    fail_percent: float = inf
    over_s: float = 0.2  # psutil's figure since the last call would be that of whoever asked last

    def percent(self) -> float:
        """Return the share of time in which the processors were busy."""
        import psutil

        return float(psutil.cpu_percent(interval=self.over_s))


@dataclass(frozen=True, kw_only=True)
class MemoryCheck(_Utilization):
    """Measure memory: of the container (cgroup v2) where it has a limit, else of the machine."""

    name: str = "memory"

    def percent(self) -> float:
        """Return the share of memory that cannot be had."""
        limited = cgroup_percent()
        if limited is not None:
            return limited
        import psutil

        return float(psutil.virtual_memory().percent)


@dataclass(frozen=True, kw_only=True)
class DiskCheck(_Utilization):
    """Measure the file system that holds `component_id`, a path."""

    name: str = "disk"
    component_id: str = "/"
    warn_percent: float = 85.0
    fail_percent: float = 95.0  # from here on, file systems with reserved blocks begin to refuse

    def percent(self) -> float:
        """Return the share of the file system that is used."""
        import psutil

        return float(psutil.disk_usage(self.component_id).percent)


def cpu_checks() -> list[Check]:
    """Return the check of the processors."""
    return [CpuCheck()]


def memory_checks() -> list[Check]:
    """Return the check of the memory."""
    return [MemoryCheck()]


def disk_checks() -> list[Check]:
    """Return the check of the root file system."""
    return [DiskCheck()]
