"""States, owners and severities: what people decide, what undoes it, and that each change says who and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from artisan_monitoring.core.records import AlertSeverity
from artisan_monitoring.errors.states import (
    Actor,
    Resolution,
    State,
    Terms,
    assign,
    change_state,
    comment_on,
    in_plain_words,
    rate,
)
from artisan_monitoring.models import ErrorActivity, ErrorEvent, ErrorGroup, ErrorRelease
from artisan_monitoring.testing import override_monitoring

from .test_sink import NOON, apply, record, sample

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

ANN = Actor("7", "ann")
HOUR = 3600


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON + seconds, UTC)


def happens(seconds: float, release: str = "1.0", event: str = "", **changes) -> None:
    samples = [{**sample(event * 32), "at": NOON + seconds}] if event else []
    apply(record(at=NOON + seconds, release=release, samples=samples, **changes))


def group() -> ErrorGroup:
    return ErrorGroup.objects.get()


def decide(state: State, seconds: float = 10, **terms) -> None:
    assert change_state([group().pk], state, ANN, terms=Terms(**terms), comment="because", now=at(seconds)) == 1


def told() -> list[tuple[str, str, str, str]]:
    return list(ErrorActivity.objects.order_by("pk").values_list("kind", "by_label", "reason", "comment"))


class TestResolving:
    def test_in_a_release_stays_resolved_where_older_ones_still_run(self):
        happens(0, "1.0")
        decide(State.RESOLVED, resolution=Resolution.RELEASE, release="1.1")
        happens(20, "1.0")
        assert (group().state, group().count) == (State.RESOLVED, 2)
        happens(30, "1.1")
        assert group().state == State.REGRESSED
        assert told() == [
            ("resolved", "ann", "in 1.1", "because"),
            ("regressed", "", "It happened in 1.1, in which it was said to be fixed.", ""),
        ]

    def test_in_the_next_release_waits_for_one_after_the_running(self):
        happens(0, "1.0")
        with override_settings(ARTISAN_MONITORING={"DATABASE": "monitoring", "RELEASE": "1.1"}):
            decide(State.RESOLVED, resolution=Resolution.NEXT)
        assert in_plain_words(group()) == "in the release after 1.1"
        happens(20, "1.1")
        assert group().state == State.RESOLVED
        happens(30, "1.2")
        assert group().state == State.REGRESSED

    def test_releases_that_are_no_versions_go_by_when_they_were_first_seen(self):
        happens(0, "5f3c2d1")
        decide(State.RESOLVED, resolution=Resolution.NEXT)
        assert group().resolved_release == "5f3c2d1"
        apply(record("e" * 64, at=NOON - 900, release="00aa11b"))  # an old one that had not failed before
        happens(20, "00aa11b")
        assert group_of("f").state == State.RESOLVED
        happens(30, "a0b1c2d")
        assert group_of("f").state == State.REGRESSED
        assert list(ErrorRelease.objects.order_by("first_seen").values_list("name", flat=True)) == [
            "00aa11b", "5f3c2d1", "a0b1c2d",
        ]  # fmt: skip

    def test_without_any_release_known_it_is_resolved_now(self):
        happens(0, "")
        decide(State.RESOLVED, resolution=Resolution.NEXT)
        assert (group().resolution, group().resolved_release) == (Resolution.NOW, "")

    def test_sample_of_the_regression_is_kept_from_eviction_and_so_is_the_first(self):
        happens(0, event="1")
        happens(5, event="2")
        decide(State.RESOLVED)
        happens(20, event="3")
        happens(30, event="4")
        kept = ErrorEvent.objects.order_by("event_id").values_list("keep", flat=True)
        assert list(kept) == [True, False, True, False]


def group_of(fingerprint: str) -> ErrorGroup:
    return ErrorGroup.objects.get(groupings__hash=fingerprint * 64)


class TestMuting:
    def test_until_a_time_opens_with_the_next_error_only(self):
        happens(0)
        decide(State.MUTED, until=at(HOUR))
        happens(HOUR - 1)
        assert group().state == State.MUTED
        happens(HOUR + 5)
        assert (group().state, group().muted_until) == (State.OPEN, None)
        assert told()[-1][:3] == ("unmuted", "", "The time is over, and it happened again.")

    def test_until_a_volume_counts_over_batches(self):
        happens(0)
        decide(State.MUTED, limit=10, period_s=HOUR)
        for minute in range(1, 4):
            happens(60 * minute, count=3, hours={str(int(NOON)): 3})
        assert group().state == State.MUTED
        happens(240)
        assert (group().state, group().mute_counted) == (State.OPEN, [])
        assert told()[-1][2] == "It happened 10 times within an hour."

    def test_for_ever_says_so(self):
        happens(0)
        decide(State.MUTED)
        assert told()[-1][2] == "for ever"

    def test_on_other_terms_is_a_change_and_on_the_same_is_none(self):
        happens(0)
        decide(State.MUTED, limit=10, period_s=HOUR)
        decide(State.MUTED, limit=20, period_s=HOUR)
        assert change_state([group().pk], State.MUTED, ANN, terms=Terms(limit=20, period_s=HOUR)) == 0
        happens(20)
        assert change_state([group().pk], State.MUTED, ANN, terms=Terms(limit=20, period_s=HOUR)) == 0
        assert group().mute_counted != []

    def test_resolving_clears_the_mute(self):
        happens(0)
        decide(State.MUTED, until=at(HOUR), limit=3, period_s=HOUR)
        decide(State.RESOLVED, 20)
        assert (group().muted_until, group().mute_limit) == (None, 0)


class TestPeople:
    def test_assigning_is_written_down_once(self):
        happens(0)
        bob = Actor("8", "bob")
        assert assign([group().pk], bob, ANN, comment="yours") == 1
        assert assign([group().pk], bob, ANN) == 0
        assert (group().assignee_pk, group().assignee_label) == ("8", "bob")
        assert assign([group().pk], Actor(), ANN) == 1
        assert [row[2] for row in told()] == ["to bob", "to nobody"]

    def test_comment_is_kept_and_an_empty_one_is_none(self):
        happens(0)
        assert comment_on([group().pk], "  \n", ANN) == 0
        assert comment_on([group().pk], " see the ticket\n", ANN) == 1
        assert told() == [("commented", "ann", "", "see the ticket")]

    def test_severity_that_a_person_chose_stays(self):
        happens(0, severity="MEDIUM")
        assert rate([group().pk], AlertSeverity.LOW, ANN, comment="nobody waits") == 1
        happens(10, severity="CRITICAL")
        assert group().severity == "LOW"
        assert rate([group().pk], None, ANN) == 1
        happens(20, severity="CRITICAL")
        assert group().severity == "CRITICAL"
        assert [row[2] for row in told()] == ["from MEDIUM to LOW", "back to the rules"]

    def test_gone_group_is_no_error(self):
        assert change_state([404], State.RESOLVED, ANN) == 0

    def test_names_longer_than_the_columns_are_cut(self):
        happens(0)
        assign([group().pk], Actor("9" * 99, "x" * 999), Actor("8" * 99, "y" * 999))
        assert (len(group().assignee_pk), len(group().assignee_label)) == (64, 150)


class TestSeverityOfGroups:
    def test_rule_of_the_settings_wins_over_what_was_captured(self):
        rules = {"DATABASE": "monitoring", "ERRORS": {"SEVERITY": {"ValueError handled": "LOW"}}}
        with override_settings(ARTISAN_MONITORING=rules):
            happens(0, severity="HIGH", handled=True, mechanism="track_error")
        assert group().severity == "LOW"

    def test_new_and_widespread_in_own_code_is_critical(self):
        frames = {"exception": [{"frames": [{"in_app": True, "file": "shop/views.py"}]}]}
        users = {str(n): 1 for n in range(10)}
        apply(record(severity="HIGH", users=users, samples=[{**sample(), "details": frames}]))
        assert group().severity == "CRITICAL"

    def test_library_that_nobody_waits_for_is_medium(self):
        frames = {"exception": [{"frames": [{"in_app": False, "file": "lib.py"}]}]}
        apply(record(severity="HIGH", mechanism="thread", samples=[{**sample(), "details": frames}]))
        assert group().severity == "MEDIUM"

    def test_answer_below_500_is_low(self):
        details = {"exception": [], "context": {"status": "403"}}
        apply(record(severity="HIGH", mechanism="answered", samples=[{**sample(), "details": details}]))
        assert group().severity == "LOW"

    def test_answer_is_rated_by_a_rule_on_its_status(self):
        details = {"exception": [], "context": {"status": "403"}}
        with override_monitoring(ERRORS={"SEVERITY": {"status=403": "CRITICAL"}}):
            apply(record(severity="LOW", mechanism="answered", samples=[{**sample(), "details": details}]))
        assert group().severity == "CRITICAL"

    def test_status_in_a_context_of_the_project_is_no_answer(self):
        details = {"exception": [], "context": {"status": "403"}}
        with override_monitoring(ERRORS={"SEVERITY": {"status=403": "CRITICAL"}}):
            apply(record(severity="MEDIUM", samples=[{**sample(), "details": details}]))
        assert group().severity == "MEDIUM"


def test_a_year_of_hours_does_not_grow_the_row():
    happens(0)
    decide(State.MUTED, limit=10**6, period_s=7 * 24 * HOUR)
    for hours in range(0, 400, 5):
        happens(hours * HOUR + 20)
    assert len(group().mute_counted) <= 61
    assert group().state == State.MUTED
    assert timedelta(seconds=group().mute_period_s) == timedelta(days=7)
