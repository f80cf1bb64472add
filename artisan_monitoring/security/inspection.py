"""Looks at what a request brought (path, query, parsed form, user agent) for the patterns of `rules`, within bounds.

A clean request is recognised by one search per text; only what has a suspicious character or word in it is decoded and
compared with the rules: at most 2 KiB a value, 50 parameters, 2 ms a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from re import DOTALL
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from ..core.patterns import lazily
from ..pipeline.pacing import breathe
from . import rules
from .rules import AGENT, PARAMETER, PATH, RULES, Rule

MAX_VALUE = 2048
MAX_PARAMETERS = 50
MAX_NAME = 100
BUDGET_S = 0.002
SNIPPET = 32
MAX_FINDINGS = 10
MAX_AGENTS = 2048
MAX_AGENT = 300

# What nearly every request is made of: one class and two look-ups take 0.3 us, a branch of words ten times that.
_UNCOMMON_IN_PATH = lazily(r"[^a-zA-Z0-9_/.\-~@+,=: ]")
_UNCOMMON_IN_QUERY = lazily(r"[^a-zA-Z0-9_=&.\-~,]")
# Whatever a rule could need, as it looks before decoding, for queries with a blank, an escape or a slash in them.
_SUSPECT_QUERY = lazily(
    r"[^\w=&.\-+~%,:/@!]|%(?:0[0adAD]|2[2-9aeEA]|3[bcdeBCDE]|40%7[bB]|5[cC]|60|7[bcdBCD]|[cC]0|[eE]0%80|[uU]|25)"
)
_SUSPECT_WORD = lazily(
    r"%3a(?:%2f|/)|://|union|select|(?:\+|%20|%0\w)(?:x?or|and)(?:\+|%20|%0\w)|waitfor|(?:etc|proc)(?:%2f|/)|\.ini\b"
    r"|system32|script(?:%3a|:)|data(?:%3a|:)|169\.254|metadata|schema|sqlite_master|(?:out|dump)file|allow_url|auto_prepend"
)
_SUSPECT_VALUE = lazily(
    r"[<>'\"`;|&$%{}()\x00=]|\.\.[\\/]|__|://"
    r"|(?i:union[\s/(]|etc/|proc/|\.ini\b|system32|169\.254|metadata\.|_schema|_master|sysobjects|(?:out|dump)file|pg_)"
)
_SUSPECT_NAME = lazily(r"__|^_|[<>'\"`;${}\x00]")
_COMMENT = lazily(r"/\*.{0,200}?\*/", DOTALL)


class Finding(NamedTuple):
    """One rule that matched: where (`path`, `agent`, or `parameter` with its name), and 32 characters around it."""

    rule: str
    event: str
    score: int
    where: str
    name: str
    snippet: str


class Verdict:
    """What was found in one request; `cut` tells that the time ran out before the end."""

    __slots__ = ("cut", "findings")

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.cut = False

    @property
    def score(self) -> int:
        """Sum of the scores, each rule counted once: ten equal parameters are one trick."""
        return sum({each.rule: each.score for each in self.findings}.values())


@cache
def compile_all() -> None:
    """Compile every pattern, once. With the first flush, in its thread: else the first attack would pay for it."""
    for pattern in (_SUSPECT_QUERY, _SUSPECT_WORD, _SUSPECT_VALUE, _SUSPECT_NAME, _COMMENT, rules.SCANNERS):
        pattern.search("")
        breathe()
    for rule in RULES:
        rule.pattern.search("")
        breathe()


def suspicious(path: str, query: str) -> bool:
    """Tell in well under a microsecond whether a path or a raw query string is worth a closer look."""
    return suspicious_path(path) or (query != "" and suspicious_query(query))


def suspicious_path(path: str) -> bool:
    """Tell whether a decoded path has anything in it that a rule could match."""
    return _UNCOMMON_IN_PATH.search(path) is not None or ".." in path or "__" in path or "etc/" in path


def suspicious_query(query: str) -> bool:
    """Tell whether a raw query string has anything in it that a rule could match."""
    if ".." in query or "__" in query or query[0] == "_" or "&_" in query:
        return True
    if _UNCOMMON_IN_QUERY.search(query) is None:
        return False
    return _SUSPECT_QUERY.search(query) is not None or _SUSPECT_WORD.search(query.lower()) is not None


def inspect(
    path: str,
    query: str,
    form: Iterable[tuple[str, Sequence[object]]] = (),
    *,
    skip: Callable[[str], bool] = lambda name: False,
    ignored: frozenset[str] = frozenset(),
    clock: Callable[[], float] = time.thread_time,
) -> Verdict:
    """Compare a request with the rules. `form` is Django's parsed `QueryDict.lists()`; `skip` names secret parameters.

    `query` is the raw query string. Stops when `BUDGET_S` is used up: of this thread's own time, since on a busy
    machine a waiting thread would find its time gone before it began.
    """
    verdict = Verdict()
    deadline = clock() + BUDGET_S
    for target, name, value in _texts(path, query, form, skip):
        if clock() > deadline:
            verdict.cut = True
            break
        if target == PARAMETER:
            verdict.findings.extend(_in_name(name))
        verdict.findings.extend(_in_text(target, name, value))
        if len(verdict.findings) >= MAX_FINDINGS:
            break
    if ignored:
        verdict.findings = [each for each in verdict.findings if each.rule not in ignored]
    return verdict


def _texts(
    path: str, query: str, form: Iterable[tuple[str, Sequence[object]]], skip: Callable[[str], bool]
) -> Iterator[tuple[str, str, str]]:
    if suspicious_path(path):
        yield PATH, "", path[:MAX_VALUE]
    left = MAX_PARAMETERS
    if query and suspicious_query(query):
        for pair in query[: MAX_PARAMETERS * MAX_VALUE].split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
            raw_name, _, raw = pair.partition("=")
            name = unquote_plus(raw_name[:MAX_NAME])
            left -= 1
            # A secret's value is never looked at, so that no snippet of it is ever kept; its name is.
            yield PARAMETER, name, "" if skip(name) else unquote_plus(raw[:MAX_VALUE])
    for name, values in form:
        for value in values:
            if left <= 0:
                return
            left -= 1
            if isinstance(value, str):
                yield PARAMETER, name[:MAX_NAME], "" if skip(name) else value[:MAX_VALUE]


def _in_text(target: str, name: str, value: str) -> Iterator[Finding]:
    if target == PARAMETER and not _SUSPECT_VALUE.search(value) and " or " not in value and " and " not in value:
        return
    decoded_twice = "%" in value and (again := unquote(value)) != value
    texts = [value, again] if decoded_twice else [value]
    found = False
    for text in texts:
        lowered = text.lower()
        for finding in _matches(_RULES[target], target, name, lowered):
            found = True
            yield finding
    if decoded_twice and found and target == PARAMETER:
        score = rules.DOUBLE_ENCODING_SCORE
        yield Finding("evasion.double_encoding", rules.EXTRANEOUS, score, target, name, value[:SNIPPET])


_RULES: Mapping[str, tuple[Rule, ...]] = {
    target: tuple(rule for rule in RULES if target in rule.targets) for target in (PATH, PARAMETER, AGENT)
}


def _matches(candidates: tuple[Rule, ...], target: str, name: str, lowered: str) -> Iterator[Finding]:
    plain = _COMMENT.sub(" ", lowered) if "/*" in lowered else lowered
    for rule in candidates:
        if not any(needed in lowered for needed in rule.needs):
            continue
        text = lowered
        found = rule.pattern.search(lowered)
        if found is None and plain is not lowered:
            found, text = rule.pattern.search(plain), plain
        if found is not None:
            yield Finding(rule.id, rule.event, rule.score, target, name, _around(text, found.start(), found.end()))


def _around(text: str, start: int, end: int) -> str:
    begin = max(0, start - max(0, SNIPPET - (end - start)) // 2)
    return text[begin : begin + SNIPPET]


def _in_name(name: str) -> Iterator[Finding]:
    """Look at a parameter's name: an ORM look-up through a secret field is an attempt to read it letter by letter."""
    if not _SUSPECT_NAME.search(name):
        return
    lowered = name.lower()
    segments = lowered.split("__")
    if lowered in rules.Q_ARGUMENTS:
        yield Finding("orm.q_argument", rules.ORM, rules.ORM_SCORE, PARAMETER, name, "")
    elif len(segments) > 1 and not rules.SENSITIVE_SEGMENTS.isdisjoint(segments):
        yield Finding("orm.lookup", rules.ORM, rules.ORM_SCORE, PARAMETER, name, "")
    else:
        yield from _matches(_RULES[PARAMETER], PARAMETER, name, lowered)


def honey_segment(path: str) -> str:
    """Return the part of a path that only a scanner asks for (".env"), or "". Ask only when the answer was a 404."""
    for segment in path[:MAX_VALUE].lower().split("/", 6)[1:6]:
        if segment in rules.HONEY_SEGMENTS:
            return segment
    return ""


@lru_cache(maxsize=MAX_AGENTS)
def _agent_findings(agent: str) -> tuple[Finding, ...]:
    lowered = agent.lower()
    scanner = rules.SCANNERS.search(lowered)
    found = list(_matches(_RULES[AGENT], AGENT, "", lowered))
    if scanner is not None:
        found.append(Finding("tool.agent", rules.TOOL, rules.TOOL_SCORE, AGENT, "", scanner[0][:SNIPPET]))
    return tuple(found)


def agent_findings(agent: str) -> tuple[Finding, ...]:
    """Return what is wrong with a user agent. Remembered: 0.1 us, where the search takes 20."""
    return _agent_findings(agent[:MAX_AGENT])
