"""The last whole day or week before a time, beginning at an hour of the local clock."""

from __future__ import annotations

from datetime import datetime, timedelta

DAILY, WEEKLY = "daily", "weekly"
_DAYS = {DAILY: 1, WEEKLY: 7}


def last_period(now: datetime, period: str, hour: int) -> tuple[datetime, datetime]:
    """Return beginning and end of the last period that is over, in the zone of `now`, which must be aware.

    A day ends at `hour` o'clock, a week on Monday at that hour. The wall clock counts: a day may have 23 or 25 hours.

    >>> from datetime import UTC
    >>> last_period(datetime(2026, 5, 6, 6, 59, tzinfo=UTC), "daily", 7)[1].isoformat()
    '2026-05-05T07:00:00+00:00'
    >>> last_period(datetime(2026, 5, 6, 8, 0, tzinfo=UTC), "weekly", 7)[1].isoformat()
    '2026-05-04T07:00:00+00:00'
    """
    end = now.replace(hour=min(23, max(0, hour)), minute=0, second=0, microsecond=0, fold=0)
    if period == WEEKLY:
        end -= timedelta(days=end.weekday())
    if end > now:
        end -= timedelta(days=_DAYS[period])
    return end - timedelta(days=_DAYS[period]), end
