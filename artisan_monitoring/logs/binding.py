"""What logging takes from the settings, bound late: `LOGGING` is evaluated before there are any settings."""

from __future__ import annotations

from typing import NamedTuple

from ..core.redaction import Redactor

DEFAULT_LOGGER = "artisan-platform"


class Binding(NamedTuple):
    """One state of the settings. Compare by identity: another object means that something may have changed."""

    redactor: Redactor
    service: str = ""
    environment: str = ""
    release: str = ""
    logger: str = DEFAULT_LOGGER


_unconfigured = Binding(Redactor())
live: Binding | None = None
_listening = False


def bound() -> Binding:
    """Return the binding in force; plain defaults as long as Django has no settings. Never raises."""
    return live or _bind()


def _bind() -> Binding:
    global live, _listening
    try:
        from django.conf import settings

        if not settings.configured:  # asking would load them, perhaps in the middle of their own module
            return _unconfigured
        from ..conf import get_settings, on_settings_change, redactor

        chosen = get_settings()
        binding = Binding(redactor(), chosen.SERVICE, chosen.ENVIRONMENT, chosen.RELEASE, chosen.LOGGER)
        if not _listening:
            _listening = True
            on_settings_change(_renew)
        live = binding
    except Exception:
        return _unconfigured
    return live


def _renew() -> None:
    global live
    live = None
