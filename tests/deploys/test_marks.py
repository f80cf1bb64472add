"""A mark is made once, says what is wrong with an argument, and is found on the time axis it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from artisan_monitoring.deploys import marks
from artisan_monitoring.deploys.marks import mark, moment
from artisan_monitoring.exceptions import InvalidDeploy
from artisan_monitoring.models import Deploy

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("monitoring_deploy", *arguments, stdout=out)
    return out.getvalue()


def test_marks_now_in_the_environment_of_the_settings():
    before = timezone.now()
    assert run("1.4.3", "--by", "ci", "--note", "new checkout").endswith(": marked\n")
    row = Deploy.objects.get()
    assert (row.release, row.environment, row.by, row.note, row.noticed) == (
        "1.4.3",
        "test",
        "ci",
        "new checkout",
        False,
    )
    assert before <= row.at <= timezone.now()


def test_same_release_again_changes_nothing():
    first = mark("1.4.3", note="first").deploy
    assert run("1.4.3", "--note", "second", "--at", "2026-11-24T08:00Z").endswith(": was marked already\n")
    row = Deploy.objects.get()
    assert (row.note, row.at) == ("first", first.at)


def test_each_environment_has_its_own():
    run("1.4.3")
    run("1.4.3", "--environment", "staging")
    assert sorted(Deploy.objects.values_list("environment", flat=True)) == ["staging", "test"]


def test_roll_back_is_one_more_mark():
    mark("1.4.2")
    mark("1.4.3")
    assert run("1.4.2", "--again").endswith(": marked\n")
    assert [(row.release, row.repeat) for row in Deploy.objects.order_by("at")] == [
        ("1.4.2", 0), ("1.4.3", 0), ("1.4.2", 1),
    ]  # fmt: skip
    assert not mark("1.4.2").made


def test_what_a_person_says_completes_what_was_noticed():
    noticed = Deploy.objects.create(release="1.4.3", environment="test", at=timezone.now(), noticed=True)
    assert run("1.4.3", "--note", "new checkout").endswith(": noticed before, now completed\n")
    row = Deploy.objects.get()
    assert (row.note, row.noticed, row.at) == ("new checkout", False, noticed.at)


def test_one_that_another_process_made_meanwhile_is_its(monkeypatch):
    there = mark("1.4.3", note="first").deploy
    wanted = Deploy(release="1.4.3", environment="test", at=timezone.now(), note="second")
    found = marks._insert(wanted, "monitoring")
    assert (found.made, found.deploy.pk, found.deploy.note) == (False, there.pk, "first")


FUTURE = "2126-01-01T00:00Z"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["  "], "release: must not be empty"),
        (["x" * 101], "release: at most 100 characters, not 101"),
        (["1.4\n.3"], "release: must be one line"),
        (["1.4\x003"], "release: must be one line"),
        (["1", "--environment", "e" * 65], "environment: at most 64 characters"),
        (["1", "--by", "b" * 101], "by: at most 100"),
        (["1", "--note", "n" * 501], "note: at most 500"),
        (["1", "--note", "a\u2028b"], "note: must be one line"),
        (["1", "--at", "yesterday"], "at: not a time such as"),
        (["1", "--at", "2026-13-41T25:00Z"], "at: month must be in 1..12"),
        (["1", "--at", FUTURE], "at: 2126-01-01T00:00:00+00:00 is in the future"),
        (["1", "--at", "2001-01-01T00:00Z"], "longer ago than marks are kept (90 days)"),
    ],
)
def test_wrong_argument_is_named(arguments, said):
    with pytest.raises(CommandError) as wrong:
        run(*arguments)
    assert said in str(wrong.value)
    assert not Deploy.objects.exists()


def test_time_without_a_zone_is_in_the_projects(settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    assert moment("2026-11-24T09:30").astimezone(UTC) == datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    with pytest.raises(InvalidDeploy, match="time zone"):
        mark("1", at=datetime(2026, 11, 24, 9, 30))


def test_table_that_is_away_is_said():
    with connections["monitoring"].cursor() as cursor:
        cursor.execute("ALTER TABLE artisan_monitoring_deploy RENAME TO elsewhere")
    with pytest.raises(CommandError, match=r"could not be written \(OperationalError\)"):
        run("1.4.3")


def test_window_has_its_newest_marks_of_this_environment(monkeypatch):
    now = timezone.now().replace(microsecond=0)
    for back, release in ((10, "1"), (20, "2"), (30, "3"), (70, "old")):
        mark(release, at=now - timedelta(minutes=back))
    mark("elsewhere", environment="staging", at=now - timedelta(minutes=5))
    end = now.timestamp()
    assert [each.release for each in marks.between(end - 3600, end)] == ["3", "2", "1"]
    monkeypatch.setattr(marks, "SHOWN", 2)
    assert [each.release for each in marks.between(end - 3600, end)] == ["2", "1"]
