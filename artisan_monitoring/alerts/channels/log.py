"""Alerts as log records: the channel that needs nothing and reaches whatever reads the logs."""

from __future__ import annotations

import logging

from ...core.records import AlertSeverity
from ..messages import AlertMessage
from .base import Channel

LEVELS = {
    AlertSeverity.LOW: logging.INFO,
    AlertSeverity.MEDIUM: logging.WARNING,
    AlertSeverity.HIGH: logging.ERROR,
    AlertSeverity.CRITICAL: logging.CRITICAL,
}


class LogChannel(Channel):
    """Write one record per message to `logger`; its facts are under the key `alert`."""

    def __init__(self, logger: str = "artisan_monitoring.alerts") -> None:
        self._logger = logging.getLogger(logger)

    def send(self, message: AlertMessage) -> None:
        level = LEVELS[AlertSeverity(message.severity)] if message.firing else logging.INFO
        self._logger.log(level, "%s: %s", message.title, message.why, extra={"alert": message.facts()})
