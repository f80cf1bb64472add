"""The page that tries other rules of grouping on what is stored: what it is asked, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ..conf import get_settings
from ..errors.grouping import rule_in_force
from ..errors.regrouping import Trial, days_ago, preview

DAYS = (1, 7, 30)
LIMIT = 2_000
"""Samples that a page looks at: 0.6 s, with stacks of 30 frames."""

SHOWN = 50
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def page(asked: Mapping[str, str], now: datetime) -> dict[str, object]:
    """Return the template's context for what the address asks: `days`, `include`, `exclude`, `rule`.

    The rule is the project's or none: a page that imports what an address names would be a hole.
    """
    chosen = get_settings().ERRORS
    days = {str(each): each for each in DAYS}.get(asked.get("days", ""), 7)
    include = _modules(asked["include"]) if "include" in asked else chosen.IN_APP_INCLUDE
    exclude = _modules(asked["exclude"]) if "exclude" in asked else chosen.IN_APP_EXCLUDE
    without = asked.get("rule") == "none"
    found = preview(Trial(None if without else rule_in_force(), include, exclude), days_ago(days, now), LIMIT)
    return {
        "days": days,
        "all_days": DAYS,
        "include": ", ".join(include),
        "exclude": ", ".join(exclude),
        "rule": chosen.FINGERPRINT,
        "without": without,
        "found": found,
        "splits": found.splits[:SHOWN],
        "merges": found.merges[:SHOWN],
        "starts_anew": found.starts_anew[:SHOWN],
        "more": max(0, len(found.splits) - SHOWN)
        + max(0, len(found.merges) - SHOWN)
        + max(0, len(found.starts_anew) - SHOWN),
        "limited": found.samples >= LIMIT,
        "limit": LIMIT,
    }


def _modules(text: str) -> tuple[str, ...]:
    """Return the module prefixes of a list as people write it."""
    return tuple(_MODULE.findall(text[:2_000])[:50])
