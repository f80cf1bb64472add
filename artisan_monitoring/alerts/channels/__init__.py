"""Where alerts are told: each channel is a class named in settings, with its options as keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from ...conf import get_settings, on_settings_change
from .base import Channel

LOG = "artisan_monitoring.alerts.channels.log.LogChannel"
EMAIL = "artisan_monitoring.alerts.channels.email.EmailChannel"


def configuration() -> Mapping[str, Mapping[str, Any]]:
    """Return `{"ops": {"BACKEND": dotted, "OPTIONS": {...}}}` as set, or else the log and, with a recipient, mail."""
    alerts = get_settings().ALERTS
    if alerts.CHANNELS:
        return alerts.CHANNELS
    default: dict[str, Mapping[str, Any]] = {"log": {"BACKEND": LOG}}
    if alerts.EMAIL_TO or django_settings.ADMINS:
        default["email"] = {"BACKEND": EMAIL}
    return default


def channel_names() -> list[str]:
    """Return the names of the channels in force."""
    return [name[:64] for name in configuration()]


@lru_cache(maxsize=64)
def get_channel(name: str) -> Channel:
    """Build the channel `name`.

    Raises `KeyError` if there is none of that name (any more), `ImportError` or `TypeError` if its settings are wrong.
    """
    chosen = configuration()[name]
    built = import_string(chosen["BACKEND"])(**chosen.get("OPTIONS", {}))
    if not isinstance(built, Channel):
        raise TypeError(f"{chosen['BACKEND']} is not a Channel")
    return built


on_settings_change(get_channel.cache_clear)
