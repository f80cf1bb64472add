"""What a project says about grouping: its fingerprint rule, and `fingerprint=` of a single report.

A rule is a function of an `Occurrence` that returns parts (text, or a list of text; `{{ default }}` among them stands
for the fingerprint that it would be), or nothing to leave it as it is. It is told only what a stored sample knows too,
so that a changed rule can be tried on the past (see `regrouping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.module_loading import import_string

from ..conf import get_settings, redactor
from ..core.fingerprints import PARTS, ExceptionPart, Fingerprint, of_parts
from ..core.guard import guarded, report
from ..core.plain import no_queries
from ..core.reprs import clean_text

Parts: TypeAlias = "str | Iterable[object] | None"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An error as a fingerprint rule is told of it.

    `chain` is the exception that was raised and what it came from, each with `type`, `message` and `lines` (`module`,
    `function`, `text`, `in_app`, outermost first). `exception` is the living object, and None where a stored sample is
    looked at.
    """

    type: str
    message: str
    culprit: str
    chain: Sequence[ExceptionPart]
    mechanism: str
    logger: str
    default: Fingerprint
    exception: BaseException | None = None

    @classmethod
    def of(
        cls,
        chain: Sequence[ExceptionPart],
        default: Fingerprint,
        culprit: str,
        mechanism: str,
        logger: str,
        exception: BaseException | None = None,
    ) -> Occurrence:
        """Return the occurrence of a chain, which is never empty."""
        first = chain[0]
        return cls(first.type, first.message, culprit, chain, mechanism, logger, default, exception)


Rule: TypeAlias = Callable[[Occurrence], Parts]


def rule_in_force() -> Rule | None:
    """Return the project's rule, or nothing; one that cannot be imported is reported (and a system check)."""
    path = get_settings().ERRORS.FINGERPRINT
    if not path:
        return None
    try:
        return load_rule(path)
    except Exception as exc:
        report("errors.fingerprint", exc)
        return None


def load_rule(path: str) -> Rule:
    """Import a rule by its dotted path; raise `ImportError` for what is none."""
    rule = import_string(path)
    if not callable(rule):
        raise ImportError(f"{path} is no function")
    found: Rule = rule
    return found


def fingerprint_of(occurrence: Occurrence, rule: Rule | None, given: Parts = None) -> Fingerprint:
    """Return what `given` says, else the rule, else the default. A rule that fails is reported, and left out."""
    if given is not None:
        with guarded("errors.fingerprint"):
            return of_parts(parts_of(given), occurrence.default)
    if rule is not None:
        with guarded("errors.fingerprint"), no_queries():
            return of_parts(parts_of(rule(occurrence)), occurrence.default)
    return occurrence.default


def parts_of(said: Parts) -> list[str]:
    """Return parts as redacted text; raise `TypeError` for what is neither text nor a list of it."""
    if said is None:
        return []
    if isinstance(said, str):
        said = (said,)
    if not isinstance(said, list | tuple):
        raise TypeError(f"a fingerprint is text or a list of text, not {type(said).__name__}")
    clean = redactor().text
    return [clean_text(clean(str(part)), 200) for part in said[:PARTS]]
