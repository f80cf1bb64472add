"""The tables, one file per feature: fields, constraints and querysets, no behaviour."""

from __future__ import annotations

from .alerts import Alert as Alert
from .alerts import AlertNotification as AlertNotification
from .alerts import AlertRule as AlertRule
from .alerts import SeededRule as SeededRule
from .security import SecurityEvent as SecurityEvent
from .security import UserActivity as UserActivity
from .errors import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping
