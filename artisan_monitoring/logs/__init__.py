"""Structured logs: one JSON line per record, redacted, with the request's context. Safe to import in settings."""

from __future__ import annotations

from .config import logging_config
from .formatters import HumanFormatter, JsonFormatter
from .logger import log_access, logger

__all__ = ["HumanFormatter", "JsonFormatter", "log_access", "logger", "logging_config"]
