"""A changed rule is tried on what is stored: which groups would split, merge or start anew, and nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from artisan_monitoring import error_tracker
from artisan_monitoring.errors import regrouping
from artisan_monitoring.errors.grouping import Occurrence
from artisan_monitoring.errors.merging import merge
from artisan_monitoring.errors.regrouping import Trial, preview
from artisan_monitoring.errors.states import Actor
from artisan_monitoring.models import ErrorEvent, ErrorGroup, Grouping
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def fail_here(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:
        return caught


def fail_there(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:
        return caught


def by_type(occurrence: Occurrence) -> list[str]:
    return [occurrence.type]


def by_message(occurrence: Occurrence) -> list[str]:
    return ["{{ default }}", occurrence.message]


def failing(occurrence: Occurrence) -> str:
    raise RuntimeError


def tried(rule=None, *, include=(), exclude=()) -> regrouping.Preview:
    return preview(Trial(rule, include, exclude), datetime.now(UTC) - timedelta(days=7))


@pytest.fixture
def stored(captured, store):
    """Three samples of one place, with two messages, and one of another place; both of one type."""
    for message in ("a", "a", "b"):
        error_tracker.track_error(fail_here(LookupError(message)))
    error_tracker.track_error(fail_there(LookupError("c")))
    store(*captured)
    captured.clear()
    assert ErrorEvent.objects.count() == 4
    return ErrorGroup.objects.order_by("-count")


class TestPreview:
    def test_the_rules_in_force_change_nothing(self, stored):
        found = tried()
        assert (found.samples, found.unchanged, found.unclear) == (4, 2, 0)
        assert (found.splits, found.merges, found.starts_anew) == ([], [], [])

    def test_groups_that_would_become_one(self, stored):
        found = tried(by_type)
        ((part, changes),) = found.merges
        assert part.components == ("chosen by the project", "  LookupError")
        assert part.group is None
        assert {(each.group, each.samples) for each in changes} == {(stored[0].pk, 3), (stored[1].pk, 1)}
        assert (found.unchanged, found.splits, found.starts_anew) == (0, [], [])

    def test_a_group_that_would_become_several(self, stored):
        found = tried(by_message)
        (split,) = found.splits
        assert (split.group, split.count, split.samples) == (stored[0].pk, 3, 3)
        assert [part.samples for part in split.parts] == [2, 1]
        (anew,) = found.starts_anew
        assert anew.group == stored[1].pk

    def test_modules_that_are_no_longer_the_projects_own(self, stored):
        found = tried(exclude=("tests",))
        assert found.samples == 4
        assert len(found.splits) + len(found.starts_anew) == 2

    def test_a_fingerprint_that_somebody_has_already_is_a_merge_into_their_group(self, stored, captured, store):
        error_tracker.track_error(fail_here(LookupError("d")), fingerprint=["LookupError"])
        store(*captured)
        found = tried(by_type)
        ((part, changes),) = found.merges
        assert part.group == Grouping.objects.get(components=["chosen by the project", "  LookupError"]).group_id
        assert len(changes) == 2
        assert found.chosen == 1

    def test_what_was_merged_by_hand_stays_one(self, stored):
        merge(stored[0].pk, [stored[1].pk], Actor("1", "ann"))
        assert (tried().unchanged, tried().splits) == (1, [])

    def test_a_rule_that_fails_is_counted(self, stored):
        found = tried(failing)
        assert (found.failed, found.unchanged) == (4, 2)

    def test_a_sample_with_too_little_of_its_stack_is_not_judged(self, stored):
        for event in ErrorEvent.objects.filter(group=stored[1]):
            for frame in event.details["exception"][0]["frames"]:
                frame.pop("source", None)
            event.save()
        found = tried(by_type)
        assert (found.unclear, found.samples) == (1, 4)

    @pytest.mark.parametrize("details", [{}, {"exception": "?"}, {"exception": [7]}, {"exception": []}, []])
    def test_a_sample_that_is_none_is_not_judged(self, stored, details):
        event = ErrorEvent.objects.filter(group=stored[1]).get()
        event.details = details
        event.save()
        assert tried().unclear == 1

    def test_a_rule_in_force_made_what_is_stored(self, captured, store):
        with override_monitoring(ERRORS={"FINGERPRINT": f"{__name__}.by_type"}):
            error_tracker.track_error(fail_here(LookupError("a")))
            error_tracker.track_error(fail_there(LookupError("b")))
            store(*captured)
            found = tried(by_type)
            assert (found.unchanged, found.chosen) == (1, 0)
            assert len(tried(None).splits) == 1

    def test_only_the_time_and_number_that_were_asked_for(self, stored):
        ErrorEvent.objects.filter(group=stored[1]).update(occurred_at=datetime.now(UTC) - timedelta(days=9))
        assert tried().samples == 3
        assert preview(Trial(None, (), ()), datetime.now(UTC) - timedelta(days=30), limit=2).samples == 2

    def test_nothing_is_written(self, stored, django_assert_num_queries):
        before = [list(model.objects.order_by("pk").values()) for model in (ErrorGroup, Grouping, ErrorEvent)]
        tried(by_type)
        assert [list(model.objects.order_by("pk").values()) for model in (ErrorGroup, Grouping, ErrorEvent)] == before


class TestCommand:
    def run(self, capsys, *arguments: str) -> str:
        call_command("monitoring_regroup", "--preview", *arguments)
        return capsys.readouterr().out

    def test_tells_merges_splits_and_new_beginnings(self, stored, capsys):
        out = self.run(capsys, "--fingerprint", f"{__name__}.by_type")
        assert "MERGE  into a new group" in out
        assert f"{stored[0].pk} LookupError" in out
        assert "Nothing was written." in out
        out = self.run(capsys, "--fingerprint", f"{__name__}.by_message", "--days", "1")
        assert "SPLIT" in out
        assert "into 2" in out
        assert "ANEW" in out

    def test_tells_what_it_cannot_know(self, stored, captured, store, capsys):
        error_tracker.track_error(fail_here(LookupError("d")), fingerprint="mine")
        store(*captured)
        out = self.run(capsys, "--fingerprint", f"{__name__}.failing", "--in-app-exclude", "nobody")
        assert "the rule raised" in out
        assert "given with the report" in out

    def test_none_tries_it_without_a_rule(self, stored, capsys):
        assert "2 stay as they are" in self.run(capsys, "--fingerprint", "none")

    def test_wrong_arguments_are_said(self):
        with pytest.raises(CommandError, match="no_such"):
            call_command("monitoring_regroup", "--preview", "--fingerprint", "shop.no_such")
        with pytest.raises(CommandError, match="preview"):
            call_command("monitoring_regroup")
