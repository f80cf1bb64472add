"""What the public endpoints answer: one word each, from results that are shared, fresh, and in time."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from ..conf import get_settings
from . import limits, registry, report
from .base import Result, Status
from .prober import prober
from .traffic import draining

STALE_S = 10.0
"""How old an answer may be for a client over its limit: a period of Kubernetes' default probe."""


MARGIN_S = 0.05
"""What is left of the budget to make the answer and to send it."""

SUMMARY_AGE_S = 5.0
"""How old the word of `/health/` may be: it runs every check, and anybody may ask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and for how many whole seconds it has stood."""

    status: Status
    age_s: int = 0


class _Said(NamedTuple):
    status: Status
    at: float


class Words:
    """The last answers of this process. `started` stays once it is true."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all answers; also the one that start-up has ended."""
        self.started = False
        self.said: dict[str, _Said] = {}


words = Words()
os.register_at_fork(after_in_child=words.reset)


def answer(section: str, client: str) -> Answer:
    """Answer for a list of checks ("READINESS", "STARTUP", "SUMMARY") within the budget; blocks for it at most."""
    known = _known(section, client)
    if known is not None:
        return known
    results = prober.collect(registry.checks(section), **terms(section))
    return _conclude(section, results)


async def answer_async(section: str, client: str) -> Answer:
    """Do the same as `answer` without blocking the event loop."""
    known = _known(section, client)
    if known is not None:
        return known
    results = await prober.collect_async(registry.checks(section), **terms(section))
    return _conclude(section, results)


class Terms(TypedDict):
    """How old results may be, and how long they are waited for."""

    max_age_s: float
    budget_s: float
    accept_older: bool


def terms(section: str) -> Terms:
    """Return the terms on which a list of checks is asked."""
    health = get_settings().HEALTH
    if section == "DETAILED":
        return Terms(max_age_s=health.CACHE_S, budget_s=health.DETAILED_BUDGET_S, accept_older=True)
    budget_s = max(MARGIN_S, health.BUDGET_S - MARGIN_S)
    if section == "SUMMARY":
        return Terms(max_age_s=max(SUMMARY_AGE_S, health.CACHE_S), budget_s=budget_s, accept_older=True)
    return Terms(max_age_s=health.CACHE_S, budget_s=budget_s, accept_older=False)


def _known(section: str, client: str) -> Answer | None:
    if section == "READINESS" and draining():
        return Answer(Status.FAIL)
    if section == "STARTUP" and words.started:
        return Answer(Status.PASS)
    now = time.monotonic()
    over = limits.probes.retry_after(client, get_settings().HEALTH.RATE_LIMIT, now)
    said = words.said.get(section)
    # Never 429: an orchestrator would take the process for sick. It gets what was last said, with its age.
    if over and said is not None and now - said.at <= STALE_S:
        return Answer(said.status, int(now - said.at))
    return None


def _conclude(section: str, results: Sequence[Result]) -> Answer:
    forgive = section == "READINESS" and get_settings().HEALTH.READINESS_SHARED_FAILURE == "warn"
    status = report.overall(results, forgive_shared=forgive)
    oldest = min((result.at for result in results), default=time.time())
    age_s = max(0.0, time.time() - oldest)
    if section == "STARTUP" and status is not Status.FAIL:
        words.started = True
    words.said[section] = _Said(status, time.monotonic() - age_s)
    return Answer(status, int(age_s))
