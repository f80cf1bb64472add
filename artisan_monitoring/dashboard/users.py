"""Who used the site most: from the rows of activity, by the key that stands for a person there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Max, Sum

from ..conf import get_settings, on_settings_change
from ..models import UserActivity
from . import figures

USERS, DAYS = 8, 31
BUSIEST = 40
"""The first of each day, by an index: a table of a million users is not added up for a page."""

_busiest: dict[date, frozenset[str]] = {}


@on_settings_change
def forget() -> None:
    """Forget who was busy on the days that are over."""
    _busiest.clear()


def users(start: float, end: float) -> dict[str, object]:
    """Return the users with the most requests on the days (UTC) of a window, and what days those are.

    Whoever is among the 40 busiest of any of these days is looked at, with the exact sum. On whatever connection is
    there for the alias.
    """
    days = _days(start, end)[-DAYS:]
    now = time.time()
    rows = UserActivity.objects.using(get_settings().DATABASE)
    candidates = frozenset[str]().union(*(_busy_on(day, day < days[-1]) for day in days))
    sums = (
        rows.filter(day__range=(days[0], days[-1]), user_pk__in=candidates)
        .values("user_pk").order_by()
        .annotate(total=Sum("requests"), seen=Max("last_seen"), label=Max("user_label"))
    )  # fmt: skip
    found = sorted(sums, key=lambda each: (-each["total"], each["user_pk"]))[:USERS]
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


def _busy_on(day: date, over: bool) -> frozenset[str]:
    """Return the keys of a day's busiest users; of a day that is over they are remembered, for it hardly changes."""
    if over and day in _busiest:
        return _busiest[day]
    rows = UserActivity.objects.using(get_settings().DATABASE).filter(day=day)
    found = frozenset(rows.order_by("-requests").values_list("user_pk", flat=True)[:BUSIEST])
    if over:
        _busiest[day] = found
        for old in sorted(_busiest)[:-DAYS]:
            del _busiest[old]
    return found


def _days(start: float, end: float) -> Sequence[date]:
    """Return the days that a window touches, of those that are kept."""
    last = datetime.fromtimestamp(end, UTC).date()
    kept = last - timedelta(days=get_settings().RETENTION.ACTIVITY)
    first = min(last, max(kept, datetime.fromtimestamp(start, UTC).date()))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
