"""The alert tables on the database alias that the settings name, also where the project has no router."""

from __future__ import annotations

from django.db.models import QuerySet

from ..conf import get_settings
from ..models.alerts import Alert, AlertNotification, AlertRule


def alias() -> str:
    """Return the database alias of this app's tables."""
    return get_settings().DATABASE


def rules() -> QuerySet[AlertRule]:
    """Return all alert rules."""
    return AlertRule.objects.using(alias())


def alerts() -> QuerySet[Alert]:
    """Return all alerts."""
    return Alert.objects.using(alias())


def notifications() -> QuerySet[AlertNotification]:
    """Return the log of what was and is to be told."""
    return AlertNotification.objects.using(alias())
