"""A health check that does as it is told."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from artisan_monitoring.health.base import Check, CheckError, Measurement, Status

SECRET = "postgres://shop:hunter2@db.internal/shop"


@dataclass(frozen=True, kw_only=True)
class Fake(Check):
    """A check that does as told, through `HEALTH["CHECKS"]`."""

    status: str = "pass"
    hang: threading.Event | None = field(default=None, compare=False)
    runs: list[float] = field(default_factory=list, compare=False)

    def run(self):
        self.runs.append(time.monotonic())
        if self.hang is not None:
            self.hang.wait(60)
        if self.status == "fail":
            raise CheckError("told to", "told")
        if self.status == "error":
            raise ConnectionError(SECRET)
        return [Measurement("responseTime", 1.5, "ms", Status(self.status), "slow" if self.status == "warn" else "")]


def fake(**options):
    return {"BACKEND": f"{__name__}.Fake", "OPTIONS": options}
