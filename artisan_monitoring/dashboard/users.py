"""Who used the site most: from the rows of activity, by the key that stands for a person there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Sum

from ..conf import get_settings
from ..models import UserActivity
from . import figures
from .kept import Kept

USERS, DAYS = 8, 31
BUSIEST = 40
"""The first of each day, by an index: a table of a million users is not added up for a page."""

_busiest: Kept[frozenset[str]] = Kept(600.0, at_most=64)
_sums: Kept[Sequence[Mapping[str, Any]]] = Kept(30.0)


def users(start: float, end: float) -> dict[str, object]:
    """Return the users with the most requests on the days (UTC) of a window, and what days those are.

    Whoever is among the 40 busiest of any of these days is looked at, with the exact sum. On whatever connection is
    there for the alias.
    """
    days = _days(start, end)[-DAYS:]
    found = _sums.get((days[0], days[-1]), lambda: _read(days))
    now = time.time()
    return {
        "days": "today" if len(days) == 1 else f"in {len(days)} days",
        "on": get_settings().ACTIVITY,
        "rows": [
            {
                "who": each["user_pk"],
                "label": each["label"],
                "query": urlencode({"q": each["user_pk"]}),
                "count": figures.count(each["total"]),
                "seen": each["seen"].isoformat(),
                "age": figures.age(now - each["seen"].timestamp()),
            }
            for each in found
        ],
    }


def _read(days: Sequence[date]) -> Sequence[Mapping[str, Any]]:
    # A day that is over hardly changes.
    over = [_busiest.get(day, partial(_busy_on, day)) for day in days[:-1]]
    candidates = frozenset[str]().union(_busy_on(days[-1]), *over)
    sums = (
        UserActivity.objects.using(get_settings().DATABASE)
        .filter(day__range=(days[0], days[-1]), user_pk__in=candidates)
        .values("user_pk").order_by()
        .annotate(total=Sum("requests"), seen=Max("last_seen"), label=Max("user_label"))
    )  # fmt: skip
    return sorted(sums, key=lambda each: (-each["total"], each["user_pk"]))[:USERS]


def _busy_on(day: date) -> frozenset[str]:
    """Return the keys of a day's busiest users."""
    rows = UserActivity.objects.using(get_settings().DATABASE).filter(day=day)
    return frozenset(rows.order_by("-requests").values_list("user_pk", flat=True)[:BUSIEST])


def _days(start: float, end: float) -> Sequence[date]:
    """Return the days that a window touches, of those that are kept."""
    last = datetime.fromtimestamp(end, UTC).date()
    kept = last - timedelta(days=get_settings().RETENTION.ACTIVITY)
    first = min(last, max(kept, datetime.fromtimestamp(start, UTC).date()))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
