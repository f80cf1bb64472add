"""Top users: exact sums of whoever was busy on any day of the window, by key."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.dashboard import kept
from artisan_monitoring.dashboard import users as module
from artisan_monitoring.dashboard.users import users
from artisan_monitoring.models import UserActivity
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases="__all__")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
END = NOON.timestamp()


def active(pk: str, day: date, count: int, label: str = "") -> None:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    UserActivity.objects.create(
        user_pk=pk, user_label=label, day=day, requests=count, first_seen=at, last_seen=at + timedelta(hours=1)
    )


def shown(days: float) -> list[tuple[str, str]]:
    return [(row["who"], row["count"]) for row in users(END - days * 86_400, END)["rows"]]


def test_sums_are_of_the_days_of_the_window():
    today = NOON.date()
    active("1", today, 10, "ann")
    active("2", today, 30)
    active("1", today - timedelta(days=1), 100)
    active("3", today - timedelta(days=9), 1000)
    assert shown(0.1) == [("2", "30"), ("1", "10")]
    assert shown(1) == [("1", "110"), ("2", "30")]
    assert shown(30) == [("3", "1,000"), ("1", "110"), ("2", "30")]
    found = users(END - 3600, END)
    assert (found["days"], found["rows"][1]["label"]) == ("today", "ann")
    assert users(END - 86_400, END)["days"] == "in 2 days"


def test_a_thousand_users_are_not_added_up(monkeypatch):
    today = NOON.date()
    for number in range(60):
        active(str(number), today, number)
    with CaptureQueriesContext(connections["monitoring"]) as captured:
        assert shown(0.1)[0] == ("59", "59")
    assert len(captured) == 2
    assert "'10'" not in captured[-1]["sql"]  # not among the forty busiest
    assert len(shown(0.1)) == 8


def test_days_that_are_over_are_remembered():
    today = NOON.date()
    active("1", today - timedelta(days=3), 5)
    assert shown(7) == [("1", "5")]
    with CaptureQueriesContext(connections["monitoring"]) as captured:
        assert shown(7) == [("1", "5")]
    assert len(captured) == 0
    module._sums._answers.clear()
    with CaptureQueriesContext(connections["monitoring"]) as captured:
        assert shown(7) == [("1", "5")]
    assert len(captured) == 2
    UserActivity.objects.all().delete()
    kept.forget()
    assert shown(7) == []


def test_no_more_days_are_looked_at_than_are_kept():
    assert users(END - 3650 * 86_400, END)["days"] == "in 31 days"
    with override_monitoring(RETENTION={"ACTIVITY": 400}):
        assert users(END - 3650 * 86_400, END)["days"] == "in 31 days"
    with override_monitoring(RETENTION={"ACTIVITY": 2}):
        assert users(END - 3650 * 86_400, END)["days"] == "in 3 days"


def test_says_when_nothing_is_recorded():
    with override_monitoring(ACTIVITY=False):
        assert users(END - 3600, END)["on"] is False
