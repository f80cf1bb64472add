"""The severity rules of the settings, parsed once."""

from __future__ import annotations

from functools import lru_cache

from ..conf import get_settings, on_settings_change
from ..core.severity import Rule, parse


@lru_cache(maxsize=1)
def severity_rules() -> tuple[Rule, ...]:
    """Return the rules of `ERRORS["SEVERITY"]`; a system check tells what is wrong with those left out."""
    return parse(get_settings().ERRORS.SEVERITY)[0]


on_settings_change(severity_rules.cache_clear)
