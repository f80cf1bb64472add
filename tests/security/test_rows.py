"""From records to rows and out again: the two sinks, and the purges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.models import SecurityEvent, UserActivity
from artisan_monitoring.pipeline.purge import purge_expired
from artisan_monitoring.pipeline.sinks import sink_for
from artisan_monitoring.security import activity, sink
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

START = 1_795_420_800.0  # 2026-11-23 08:00 UTC
DAY = int(START // 86_400)


def sighting(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "event": "malicious_sqli",
        "severity": "MEDIUM",
        "rule": "sqli.union",
        "score": 5,
        "count": 2,
        "first_seen": START,
        "last_seen": START + 1,
        "client": "203.0.113.0",
        "user_pk": "",
        "subject": "",
        "method": "GET",
        "path": "/",
        "route": "",
        "status": 200,
        "user_agent": "x",
        "request_id": "r",
        "trace_id": "t",
        "details": {},
        "process": "p1",
    }
    return values | changes


def visit(pk: str = "1", n: int = 1, at: float = START, **changes: Any) -> dict[str, Any]:
    values = {"user_pk": pk, "day": DAY, "requests": n, "first_seen": at, "last_seen": at, "label": "", "process": "p"}
    return values | changes


def write(apply: Any, *records: dict[str, Any]) -> None:
    with transaction.atomic(using="monitoring"):
        apply(records, using="monitoring")


def test_the_sinks_are_registered() -> None:
    assert sink_for("security") is sink.apply
    assert sink_for("activity") is activity.apply


def test_records_of_several_processes_become_one_row() -> None:
    write(sink.apply, sighting(), sighting(process="p2", first_seen=START + 3, last_seen=START + 4, severity="HIGH"))
    (row,) = SecurityEvent.objects.all()
    assert (row.count, row.severity, row.score) == (4, "HIGH", 5)
    assert row.first_seen == datetime.fromtimestamp(START, UTC)
    assert row.last_seen == datetime.fromtimestamp(START + 4, UTC)


@pytest.mark.parametrize(
    "other",
    [{"client": "198.51.100.0"}, {"rule": "sqli.delay"}, {"user_pk": "7"}, {"event": "x"}, {"first_seen": START + 10}],
)
def test_different_sightings_are_different_rows(other: dict[str, Any]) -> None:
    write(sink.apply, sighting(), sighting(**other))
    assert SecurityEvent.objects.count() == 2


def test_a_row_once_written_is_never_changed() -> None:
    write(sink.apply, sighting())
    write(sink.apply, sighting())
    assert sorted(SecurityEvent.objects.values_list("count", flat=True)) == [2, 2]


def test_accounts_that_were_tried_are_kept_but_not_all() -> None:
    write(sink.apply, *(sighting(details={"accounts": [f"a{n}"]}) for n in range(9)))
    assert SecurityEvent.objects.get().details == {"accounts": ["a0", "a1", "a2", "a3", "a4"]}


@pytest.mark.parametrize("bad", [{"severity": "AWFUL"}, {"count": "many"}, {"first_seen": None}, {"details": None}])
def test_a_bad_sighting_is_refused_whole(bad: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        write(sink.apply, sighting(), sighting(client="x", **bad))
    assert not SecurityEvent.objects.exists()


def test_requests_add_up_over_batches_days_and_users() -> None:
    write(activity.apply, visit("1", 2), visit("1", 3, START + 9), visit("2", 1), visit("1", 4, day=DAY + 1))
    write(activity.apply, visit("1", 10, START - 5), visit("3", 1))
    found = {(row.user_pk, row.day): row for row in UserActivity.objects.all()}
    today = date(2026, 11, 23)
    assert {key: row.requests for key, row in found.items()} == {
        ("1", today): 15,
        ("2", today): 1,
        ("3", today): 1,
        ("1", today + timedelta(days=1)): 4,
    }
    first = found["1", today]
    assert first.first_seen == datetime.fromtimestamp(START - 5, UTC)
    assert first.last_seen == datetime.fromtimestamp(START + 9, UTC)


def test_the_newest_label_wins_and_none_takes_it_away() -> None:
    write(activity.apply, visit(label="old"), visit(label="new", at=START + 1))
    write(activity.apply, visit(label="", at=START + 2))
    assert UserActivity.objects.get().user_label == "new"


def test_a_thousand_users_take_few_statements() -> None:
    records = [visit(str(n)) for n in range(1000)]
    write(activity.apply, *records)
    with CaptureQueriesContext(connections["monitoring"]) as queries:
        write(activity.apply, *records)
    assert len(queries) <= 24
    assert set(UserActivity.objects.values_list("requests", flat=True)) == {2}


@pytest.mark.parametrize("bad", [{"requests": "x"}, {"first_seen": None}, {"day": "today"}])
def test_a_bad_visit_is_refused_whole(bad: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, DatabaseError)):
        write(activity.apply, visit("1"), visit("2", **bad))
    assert not UserActivity.objects.exists()


def test_what_is_past_its_time_goes_and_the_rest_stays() -> None:
    now = datetime.now(UTC)
    for days in (1, 9, 11, 40):
        seen = now - timedelta(days=days)
        write(sink.apply, sighting(first_seen=seen.timestamp(), last_seen=seen.timestamp()))
        write(activity.apply, visit(day=int(seen.timestamp() // 86_400), at=seen.timestamp()))
    with override_monitoring(RETENTION={"SECURITY": 10, "ACTIVITY": 30}):
        deleted = purge_expired()
    assert (deleted["security_events"], deleted["user_activity"]) == (2, 1)
    assert SecurityEvent.objects.count() == 2
    assert UserActivity.objects.count() == 3


def test_a_large_purge_goes_in_batches() -> None:
    old = datetime.now(UTC) - timedelta(days=400)
    write(
        sink.apply,
        *(sighting(client=f"c{n}", first_seen=old.timestamp(), last_seen=old.timestamp()) for n in range(1100)),
    )
    with CaptureQueriesContext(connections["monitoring"]) as queries:
        assert purge_expired()["security_events"] == 1100
    deletes = [
        each["sql"] for each in queries if each["sql"].startswith('DELETE FROM "artisan_monitoring_securityevent"')
    ]
    assert len(deletes) >= 3
