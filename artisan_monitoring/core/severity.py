"""How bad an error is, by rules: those of the settings first, then what its type, answer, origin and age tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .records import AlertSeverity

NEW_S = 3_600.0
WIDESPREAD = 10
"""An error of this hour that has hit so many users comes with a release that should be taken back."""

OUT_OF_RESOURCES = frozenset({"MemoryError"})
CLIENT_WENT = frozenset(
    {
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ConnectionResetError",
        "asyncio.exceptions.CancelledError",
        "django.http.request.UnreadablePostError",
    }
)
_ASKED_BY_SOMEBODY = frozenset({"request", "celery"})
"""Whoever saw these had somebody waiting; a thread or a logger of a library had not."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may ask of an error; what is not known (None) matches no rule that asks for it."""

    type: str
    handled: bool
    mechanism: str = ""
    status: int | None = None
    in_app: bool | None = None
    age_s: float | None = None
    users: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A severity for what matches every term."""

    terms: tuple[str, ...]
    severity: AlertSeverity

    def matches(self, facts: Facts) -> bool:
        """Say whether all of it is so."""
        return all(_matches(term, facts) for term in self.terms)


_WORDS: dict[str, Callable[[Facts], bool]] = {
    "handled": lambda facts: facts.handled,
    "unhandled": lambda facts: not facts.handled,
    "in-app": lambda facts: facts.in_app is True,
    "library": lambda facts: facts.in_app is False,
    "new": lambda facts: facts.age_s is not None and facts.age_s <= NEW_S,
}


def _matches(term: str, facts: Facts) -> bool:
    if term in _WORDS:
        return _WORDS[term](facts)
    name, is_pair, value = term.partition("=")
    if not is_pair:
        return fnmatchcase(facts.type, term)
    if name == "mechanism":
        return facts.mechanism == value
    status = "" if facts.status is None else str(facts.status)
    return len(status) == len(value) and all(want in ("x", have) for want, have in zip(value, status, strict=True))


def parse(rules: Mapping[str, str]) -> tuple[tuple[Rule, ...], list[str]]:
    """Return the settings' rules, `{"shop.errors.* handled": "LOW"}`, and what is wrong with those left out."""
    good: list[Rule] = []
    wrong: list[str] = []
    for text, severity in rules.items():
        terms = tuple(str(text).split())
        bad = [term for term in terms if not _is_term(term)]
        if bad or not terms:
            wrong.append(f"{text!r}: {bad[0] if bad else 'nothing'} is no condition")
        elif str(severity).upper() not in AlertSeverity.__members__:
            wrong.append(f"{text!r}: {severity!r} is no severity")
        else:
            good.append(Rule(terms, AlertSeverity(str(severity).upper())))
    return tuple(good), wrong


def _is_term(term: str) -> bool:
    name, is_pair, value = term.partition("=")
    if not is_pair:
        return all(letter.isalnum() or letter in "_.*?[]!-" for letter in term)
    if name == "status":
        return len(value) == 3 and all(digit == "x" or digit in "0123456789" for digit in value)
    return name == "mechanism" and bool(value)


def ruled(facts: Facts, rules: Sequence[Rule]) -> AlertSeverity | None:
    """Return the severity of the first of the settings' rules that matches, if one does."""
    return next((rule.severity for rule in rules if rule.matches(facts)), None)


def severity_of(facts: Facts, rules: Sequence[Rule] = ()) -> AlertSeverity:
    """Return the severity of an error that nobody has given one."""
    if (said := ruled(facts, rules)) is not None:
        return said
    if facts.type in OUT_OF_RESOURCES:
        return AlertSeverity.CRITICAL
    if facts.type in CLIENT_WENT:
        return AlertSeverity.LOW
    return adjusted(AlertSeverity.MEDIUM if facts.handled else AlertSeverity.HIGH, facts)


def adjusted(given: AlertSeverity, facts: Facts) -> AlertSeverity:
    """Return the severity given at capture as corrected by what is known only later: answer, origin, age and users."""
    if facts.status is not None and facts.status < 500:
        return AlertSeverity.LOW
    if given is not AlertSeverity.HIGH or facts.handled:
        return given
    if facts.in_app and facts.age_s is not None and facts.age_s <= NEW_S and facts.users >= WIDESPREAD:
        return AlertSeverity.CRITICAL
    if facts.in_app is False and facts.mechanism not in _ASKED_BY_SOMEBODY:
        return AlertSeverity.MEDIUM
    return given
