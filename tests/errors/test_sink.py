"""Records become groups, groupings, hourly counts and samples, whatever order or number of batches they come in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring import error_tracker
from artisan_monitoring.core.distinct import Distinct
from artisan_monitoring.errors import sink
from artisan_monitoring.errors.deltas import distinct_of, merge
from artisan_monitoring.errors.recent import recent_errors
from artisan_monitoring.errors.states import Actor, State, change_state
from artisan_monitoring.models import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()


def record(fingerprint: str = "f" * 64, at: float = NOON, **changes) -> dict:
    plain = {
        "version": 1,
        "hash": fingerprint,
        "components": ("raised ValueError",),
        "type": "ValueError",
        "message": "x",
        "culprit": "shop in pay",
        "severity": "MEDIUM",
        "handled": False,
        "mechanism": "request",
        "logger": "",
        "release": "1.0",
        "environment": "production",
        "count": 1,
        "hours": {str(int(at // 3600) * 3600): 1},
        "first": at,
        "last": at,
        "users": {},
        "sketch": "",
        "samples": [],
    }
    return json.loads(json.dumps({**plain, **changes}))


def sample(event_id: str = "a" * 32) -> dict:
    keys = ("message", "mechanism", "route", "user_pk", "request_id", "trace_id", "release", "environment", "host")
    return {
        **dict.fromkeys(keys, ""),
        "event_id": event_id,
        "at": NOON,
        "type": "ValueError",
        "severity": "HIGH",
        "handled": False,
        "client": "192.0.2.1",
        "details": {"exception": []},
    }


def apply(*records: dict) -> None:
    with transaction.atomic(using="monitoring"):
        sink.apply(records, using="monitoring")


class TestGroups:
    def test_first_record_makes_group_grouping_hour_and_sample(self):
        apply(record(samples=[sample()], users={"7": 1}))
        group = ErrorGroup.objects.get()
        assert (group.type, group.count, group.users, group.first_release) == ("ValueError", 1, 1, "1.0")
        assert Grouping.objects.get().components == ["raised ValueError"]
        assert ErrorHourlyCount.objects.get().count == 1
        event = ErrorEvent.objects.get()
        assert event.details == {"exception": [], "client": "192.0.2.1"}

    def test_later_records_add_up_and_refresh_the_title(self):
        apply(record())
        apply(record(at=NOON + 3600, count=4, hours={str(int(NOON + 3600)): 4}, message="newer", release="1.1"))
        group = ErrorGroup.objects.get()
        assert (group.count, group.message, group.first_release, group.last_release) == (5, "newer", "1.0", "1.1")
        assert sorted(ErrorHourlyCount.objects.values_list("count", flat=True)) == [1, 4]

    def test_older_record_moves_only_the_beginning(self):
        apply(record())
        apply(record(at=NOON - 60, message="older"))
        group = ErrorGroup.objects.get()
        assert (group.message, group.first_seen.timestamp(), group.count) == ("x", NOON - 60, 2)

    def test_same_fingerprint_from_two_processes_in_one_batch(self):
        apply(record(users={"1": 1}), record(users={"2": 1}), record("e" * 64))
        assert sorted(ErrorGroup.objects.values_list("count", "users")) == [(1, 0), (2, 2)]

    def test_two_fingerprints_of_one_group_add_up_in_one_batch(self):
        apply(record("e" * 64), record("f" * 64))
        kept = Grouping.objects.get(hash="e" * 64).group
        Grouping.objects.filter(hash="f" * 64).update(group=kept)
        apply(record("e" * 64, count=3), record("f" * 64, count=5, at=NOON + 1, message="newer"))
        kept.refresh_from_db()
        assert (kept.count, kept.message) == (9, "newer")
        assert ErrorHourlyCount.objects.get(group=kept).count == 3  # an hour each, and the one before

    def test_severity_is_the_worst_seen(self):
        apply(record(severity="CRITICAL"))
        apply(record(severity="LOW"))
        assert ErrorGroup.objects.get().severity == "CRITICAL"

    def test_sample_delivered_twice_is_stored_once(self):
        apply(record(samples=[sample()]))
        apply(record(samples=[sample()]))
        assert ErrorEvent.objects.count() == 1

    def test_number_of_queries_does_not_grow_with_samples_and_hours(self, django_assert_max_num_queries):
        hours = {str(int(NOON) + 3600 * n): 1 for n in range(24)}
        samples = [sample(f"{n:032x}") for n in range(20)]
        with django_assert_max_num_queries(12, connection=connections["monitoring"]):
            apply(record(hours=hours, samples=samples))

    @pytest.mark.parametrize("broken", [{"hours": None}, {"severity": "WORST"}, {"last": "soon"}, {"samples": [{}]}])
    def test_bad_record_raises(self, broken):
        with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
            apply(record(**broken))

    def test_captured_record_survives_the_way_through_json(self, captured, store):
        error_tracker.track_error(ValueError("x"), context={"order": 17})
        captured[0].record.update(json.loads(json.dumps(captured[0].record)))
        store(*captured)
        assert ErrorEvent.objects.get().details["context"] == {"order": "17"}


class TestStates:
    def test_resolved_group_reopens_on_a_new_error_only(self):
        apply(record())
        group = ErrorGroup.objects.get()
        change_state([group.pk], State.RESOLVED, Actor("1", "ann"), now=datetime.fromtimestamp(NOON + 10, UTC))
        apply(record(at=NOON + 5))  # was under way when it was resolved
        assert ErrorGroup.objects.get().state == State.RESOLVED
        apply(record(at=NOON + 20))
        assert ErrorGroup.objects.get().state == State.REGRESSED
        assert list(ErrorActivity.objects.values_list("kind", "by_label")) == [("regressed", ""), ("resolved", "ann")]

    def test_muted_group_stays_muted_and_counts(self):
        apply(record())
        change_state([ErrorGroup.objects.get().pk], State.MUTED, Actor())
        apply(record(at=NOON + 10**9))
        group = ErrorGroup.objects.get()
        assert (group.state, group.count) == (State.MUTED, 2)

    def test_change_to_the_same_state_is_no_activity(self):
        apply(record())
        assert change_state([ErrorGroup.objects.get().pk], State.OPEN, Actor()) == 0
        assert not ErrorActivity.objects.exists()


class TestRecent:
    def test_shape_of_health_metrics(self, django_assert_num_queries):
        apply(record("a" * 64, at=NOON), record("b" * 64, at=NOON + 60, message="later"))
        with django_assert_num_queries(1, connection=connections["monitoring"]):
            latest, _ = recent_errors(2)
        assert latest == {
            "id": ErrorGroup.objects.get(message="later").pk,
            "type": "ValueError",
            "message": "later",
            "severity": "MEDIUM",
            "state": "open",
            "count": 1,
            "last_seen": (datetime.fromtimestamp(NOON, UTC) + timedelta(minutes=1)).isoformat(),
        }


@st.composite
def deltas(draw) -> dict:
    at = draw(st.integers(0, 10)) * 1800.0
    user = draw(st.sampled_from(["", *(str(n) for n in range(200))]))
    return record(at=at, users={user: 1} if user else {}, severity=draw(st.sampled_from(["LOW", "HIGH"])))


class TestMerging:
    @given(st.lists(deltas(), min_size=1, max_size=150))
    def test_merging_loses_no_count_hour_or_user(self, parts):
        whole = json.loads(json.dumps(parts[0]))
        for part in parts[1:]:
            merge(whole, part)
        assert whole["count"] == sum(whole["hours"].values()) == len(parts)
        assert (whole["first"], whole["last"]) == (min(p["first"] for p in parts), max(p["last"] for p in parts))
        users = Distinct()
        for part in parts:
            for user in part["users"]:
                users.add(user)
        assert distinct_of(whole).pack() == users.pack()
        assert len(whole["users"]) <= 64
