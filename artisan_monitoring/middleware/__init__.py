"""The three middleware; list them first in `MIDDLEWARE`, in this order."""

from __future__ import annotations

from .database import DatabaseMonitoringMiddleware
from .monitoring import MonitoringMiddleware
from .security import SecurityMonitoringMiddleware

__all__ = ["DatabaseMonitoringMiddleware", "MonitoringMiddleware", "SecurityMonitoringMiddleware"]
