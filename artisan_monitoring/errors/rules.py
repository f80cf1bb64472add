"""How severe an error is when it is captured: as its reporter says, by the rules of the settings, or by what it is."""

from __future__ import annotations

from functools import lru_cache

from ..conf import get_settings, on_settings_change
from ..core.records import AlertSeverity
from ..core.reprs import dotted_name
from ..core.severity import Facts, Rule, parse, ruled, severity_of


@lru_cache(maxsize=1)
def severity_rules() -> tuple[Rule, ...]:
    """Return the rules of `ERRORS["SEVERITY"]`; a system check tells what is wrong with those left out."""
    return parse(get_settings().ERRORS.SEVERITY)[0]


on_settings_change(severity_rules.cache_clear)


def rated(asked: AlertSeverity | str | None, exc: BaseException, handled: bool, mechanism: str) -> AlertSeverity:
    """Return a severity: what was `asked` for (MEDIUM where that is none), else what the rules say."""
    if type(asked) is AlertSeverity:
        return asked
    if asked is not None:
        try:
            return AlertSeverity(str(asked).upper())
        except ValueError:
            return AlertSeverity.MEDIUM
    facts = Facts(type=dotted_name(type(exc)), handled=handled, mechanism=mechanism)
    if (said := ruled(facts, severity_rules())) is not None:
        return said
    return AlertSeverity.CRITICAL if issubclass(type(exc), MemoryError) else severity_of(facts)
