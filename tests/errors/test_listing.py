"""`manage.py monitoring_errors`: what is broken, filtered, for people and programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from artisan_monitoring.errors.listing import since_of
from artisan_monitoring.errors.states import Actor, State, change_state
from artisan_monitoring.models import ErrorGroup

from .test_sink import NOON, apply, record

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)


def errors(*arguments: str) -> str:
    out = StringIO()
    call_command("monitoring_errors", *arguments, stdout=out)
    return out.getvalue()


def ids(*arguments: str) -> list[str]:
    return [row["type"] for row in json.loads(errors(*arguments, "--json"))]


@pytest.fixture
def three() -> None:
    apply(
        record("a" * 64, at=NOON, type="shop.Open", severity="HIGH", message="no answer"),
        record("b" * 64, at=NOON + 60, type="shop.Done", severity="LOW"),
        record("c" * 64, at=NOON + 120, type="shop.Back", severity="CRITICAL", culprit="shop in refund"),
    )
    change_state([ErrorGroup.objects.get(type="shop.Done").pk], State.RESOLVED, Actor())
    ErrorGroup.objects.filter(type="shop.Back").update(state=State.REGRESSED)


def test_lists_what_is_to_do_latest_first(three):
    head, first, second = errors().splitlines()
    assert head.split()[:3] == ["id", "severity", "state"]
    assert "shop.Back: x" in first
    assert "shop.Open: no answer" in second


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--state", "all"], ["shop.Back", "shop.Done", "shop.Open"]),
        (["--state", "resolved"], ["shop.Done"]),
        (["--state", "resolved", "--state", "open"], ["shop.Done", "shop.Open"]),
        (["--severity", "critical", "--severity", "HIGH"], ["shop.Back", "shop.Open"]),
        (["--severity", "LOW"], []),
        (["--search", "refund BACK"], ["shop.Back"]),
        (["--search", "nowhere"], []),
        (["--since", "2026-05-04T12:01:30+00:00"], ["shop.Back"]),
        (["--limit", "1"], ["shop.Back"]),
        (["--limit", "-1"], []),
    ],
)
def test_each_filter(three, arguments, found):
    assert ids(*arguments) == found


def test_json_has_times_and_counts(three):
    row = json.loads(errors("--json", "--search", "refund"))[0]
    assert (row["count"], row["last_seen"], row["state"]) == (1, "2026-05-04T12:02:00+00:00", "regressed")


def test_message_cannot_move_the_cursor_or_make_a_line():
    apply(record(message="red\x1b[31m\nfake  row\r"))
    (_, line) = errors().splitlines()
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(days=1)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-05-04", datetime(2026, 5, 4, tzinfo=UTC)),
        ("2026-05-04T12:30", datetime(2026, 5, 4, 12, 30, tzinfo=UTC)),
    ],
)
def test_since_takes_what_people_write(text, moment):
    assert since_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "24", "h", "2026-13-01", "-3h"])
def test_since_that_is_no_time_is_named(text):
    with pytest.raises(CommandError, match="--since"):
        errors(f"--since={text}")
