"""The tables, one file per feature: fields, constraints and querysets, no behaviour."""

from __future__ import annotations

from .alerts import Alert, AlertNotification, AlertRule, SeededRule
from .deploys import Deploy
from .errors import (
    ErrorActivity,
    ErrorDigest,
    ErrorEvent,
    ErrorGroup,
    ErrorHourlyCount,
    ErrorRelease,
    Grouping,
    GroupingHour,
)
from .metrics import DirtyHour, GaugeReading, MetricBucket, MetricRollup, MetricSeries
from .otlp import LogOutbox
from .pages import Jobs, Metrics, Overview
from .pipeline import (
    ConsumerCursor,
    InboxEntry,
    InboxState,
    JobLease,
    Loss,
    ProducerState,
    QuarantinedRecord,
    StoredNote,
)
from .security import SecurityEvent, UserActivity

__all__ = [
    "Alert",
    "AlertNotification",
    "AlertRule",
    "ConsumerCursor",
    "Deploy",
    "DirtyHour",
    "ErrorActivity",
    "ErrorDigest",
    "ErrorEvent",
    "ErrorGroup",
    "ErrorHourlyCount",
    "ErrorRelease",
    "GaugeReading",
    "Grouping",
    "GroupingHour",
    "InboxEntry",
    "InboxState",
    "JobLease",
    "Jobs",
    "LogOutbox",
    "Loss",
    "MetricBucket",
    "MetricRollup",
    "MetricSeries",
    "Metrics",
    "Overview",
    "ProducerState",
    "QuarantinedRecord",
    "SecurityEvent",
    "SeededRule",
    "StoredNote",
    "UserActivity",
]
