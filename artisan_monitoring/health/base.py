"""What a health check is, and what comes out of one: the status algebra, measurements, results, the base class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class Status(StrEnum):
    """`pass < warn < fail`, in the words of the IETF draft "Health Check Response Format for HTTP APIs"."""

    PASS = "pass"  # noqa: S105  # no password
    WARN = "warn"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """0 for pass, 1 for warn, 2 for fail: also the exit code of `monitoring_check`."""
        return _RANKS[self]

    @property
    def http_status(self) -> int:
        """200 for pass and for warn (the draft demands 2xx or 3xx for it), 503 for fail."""
        return 503 if self is Status.FAIL else 200


_RANKS = {Status.PASS: 0, Status.WARN: 1, Status.FAIL: 2}


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; pass when there are none."""
    return max(statuses, key=lambda status: status.rank, default=Status.PASS)


class CheckError(Exception):
    """A check found its subject broken. The message is shown to those with rights: it must not quote the subject.

    `code` is a stable word for machines. The text of any other exception is never shown, only its class: driver
    messages hold host names and passwords.
    """

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value a check read. Its name is one of the draft's where one fits: responseTime, utilization, connections."""

    name: str
    value: float | int | str | None = None
    unit: str = ""
    status: Status = Status.PASS
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Look at one thing. Fields are options: a project sets them in `HEALTH["CHECKS"][name]["OPTIONS"]`.

    Write `run()`: return measurements for success (one of them may say warn), raise for failure. It runs in a thread
    of its own, outside any request, and may hang: callers wait `timeout_s` at most. Fields must be immutable.
    """

    component_type: ClassVar[str] = "component"
    measures: ClassVar[str] = "responseTime"

    name: str
    component_id: str = ""
    critical: bool = True  # a failure is a failure of the whole; of one that is not critical, a warning
    shared: bool = False  # all replicas depend on it: its failure takes all of them out of service at once
    timeout_s: float = field(default=5.0, repr=False)
    fresh_s: float = field(default=0.0, repr=False)  # how old an answer may be where freshness is not all

    def run(self) -> Sequence[Measurement]:
        """Look, and return what was measured. Raise CheckError, or anything, when it is broken."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """The name, with the component when there is one: what is looked at, uniquely."""
        return f"{self.name}:{self.component_id}" if self.component_id else self.name


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a check, at a time (seconds since the epoch); `code` and `output` are empty unless it failed."""

    check: Check
    status: Status
    measurements: tuple[Measurement, ...]
    at: float
    duration_s: float
    code: str = ""
    output: str = ""

    @property
    def effect(self) -> Status:
        """What it means for the whole: a failure that is not critical is a warning."""
        return Status.WARN if self.status is Status.FAIL and not self.check.critical else self.status


def passed(check: Check, measurements: Sequence[Measurement], at: float, duration_s: float) -> Result:
    """Make the result of a run that returned."""
    status = worst(measurement.status for measurement in measurements)
    return Result(check, status, tuple(measurements), at, duration_s)


def failed(check: Check, exc: BaseException, at: float, duration_s: float) -> Result:
    """Make the result of a run that raised: our own words are kept, of anybody else's exception only the class."""
    if isinstance(exc, CheckError):
        return Result(check, Status.FAIL, (), at, duration_s, exc.code, str(exc))
    return Result(check, Status.FAIL, (), at, duration_s, "error", type(exc).__qualname__)
