"""The exceptions this package raises to its callers; each docstring is its message's first half."""

from __future__ import annotations

from typing import ClassVar


class MonitoringError(Exception):
    """The base of everything this package raises."""


class InvalidMetric(MonitoringError, ValueError):
    """The metric cannot be recorded: its name, value, unit or tags are not what the API takes."""


class InvalidDeploy(MonitoringError, ValueError):
    """The deploy cannot be marked: its release, environment, time or note is not what a mark can hold."""


class StoreError(MonitoringError):
    """The base of what a store answers when it cannot take or give."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or is busy for now: the same call may succeed later, retried unchanged."""

    passing: ClassVar[bool] = True
    """A fault of the surroundings: the guard tells it in one line, since where it was noticed says nothing."""


class StoreRefused(StoreError):
    """The store will never take this: retrying is useless, the offending record has to be found and set aside."""


class InboxFull(StoreError):
    """The store's inbox has reached its limit: send counts without samples, or hold back and merge."""


class CursorMoved(StoreError):
    """Another drainer has committed since the cursor was read: what was prepared must be thrown away."""
