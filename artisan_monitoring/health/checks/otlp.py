"""The check of the export by OTLP: the endpoint takes what it is sent, and the log records do not pile up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...conf import active, get_settings
from ...models import LogOutbox
from ...stores import get_store
from ...stores.connection import own_connection
from ..base import Check, Measurement, Status

NOTE = "otlp"
"""The kind of the notes that the export leaves in the store after a failure, one a signal."""

SIGNALS = (("metricsFailures", "pause"), ("logsFailures", "logs"))
"""What is measured, and the note that it stands in."""


@dataclass(frozen=True, kw_only=True)
class OtlpCheck(Check):
    """Look at the failures since the last export that succeeded, and at the outbox of log records."""

    measures: ClassVar[str] = "failures"

    name: str = "otlp"
    critical: bool = False
    shared: bool = True
    warn_full_percent: float = 80.0  # of `OTLP.LOG_LINES`: beyond it lines are lost
    warn_age_s: float = 900.0  # longer than the longest pause after a failure

    def run(self) -> Sequence[Measurement]:
        """Return how often in a row the endpoint did not take what was sent, and what waits for it."""
        if not (active() and get_settings().OTLP.ENDPOINT):
            return [Measurement("state", "off")]
        notes = get_store().notes(NOTE)
        found = []
        for name, signal in SIGNALS:
            told = notes[signal].value if signal in notes else {}
            failures = int(told.get("failures", 0))
            status = Status.WARN if failures else Status.PASS
            found.append(Measurement(name, failures, "", status, str(told.get("problem", "")) if failures else ""))
        return [*found, *(self._outbox() if get_settings().OTLP.LOGS else ())]

    def _outbox(self) -> Iterator[Measurement]:
        chosen = get_settings()
        with own_connection(chosen.DATABASE):
            lines, age_s = LogOutbox.objects.using(chosen.DATABASE).waiting(time.time())
        full = 100 * lines >= self.warn_full_percent * chosen.OTLP.LOG_LINES
        output = f"of {chosen.OTLP.LOG_LINES} that may wait" if full else ""
        yield Measurement("waitingLogs", lines, "lines", Status.WARN if full else Status.PASS, output)
        late = age_s > self.warn_age_s + chosen.OTLP.PERIOD_S
        output = f"dropped after {chosen.OTLP.LOG_HOURS:g} hours" if late else ""
        yield Measurement("oldestLog", round(age_s, 1), "s", Status.WARN if late else Status.PASS, output)


def otlp_checks() -> list[Check]:
    """Return the check of the export."""
    return [OtlpCheck()]
