"""artisan_monitoring: a Django project watches itself. The public names, imported on first use.

Importing this package imports nothing else, so that it is safe in settings, in `LOGGING` and in `celery.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core.records import AlertSeverity
    from .errors.tracker import error_tracker
    from .logs.logger import logger
    from .metrics.collector import metrics_collector
    from .pipeline.lifecycle import initialize_monitoring, shutdown_monitoring

__version__ = "0.1.0"

__all__ = [
    "AlertSeverity",
    "error_tracker",
    "initialize_monitoring",
    "logger",
    "metrics_collector",
    "shutdown_monitoring",
]

_HOMES = {
    "AlertSeverity": "core.records",
    "error_tracker": "errors.tracker",
    "initialize_monitoring": "pipeline.lifecycle",
    "logger": "logs.logger",
    "metrics_collector": "metrics.collector",
    "shutdown_monitoring": "pipeline.lifecycle",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
