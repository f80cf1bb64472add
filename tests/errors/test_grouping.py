"""A project says what is one group: by a rule for all, by `fingerprint=` for one; a rule that fails changes nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from artisan_monitoring import error_tracker
from artisan_monitoring.core import guard
from artisan_monitoring.errors import grouping
from artisan_monitoring.errors.grouping import Occurrence
from artisan_monitoring.models import ErrorGroup, Grouping
from artisan_monitoring.testing import override_monitoring

from .test_capture import raised

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def by_type(occurrence: Occurrence) -> list[str]:
    return ["by type", occurrence.type]


def by_code(occurrence: Occurrence) -> list[str] | None:
    """Errors of a payment service by its code, others as they are."""
    code = getattr(occurrence.exception, "code", None)
    return ["{{ default }}", f"code {code}"] if code is not None else None


def failing(occurrence: Occurrence) -> str:
    raise RuntimeError("a rule with a bug")


def wrong(occurrence: Occurrence) -> int:
    return 7


def telling(occurrence: Occurrence) -> str:
    raise AssertionError("not asked where the report says it itself")


def rule(name: str):
    return override_monitoring(ERRORS={"FINGERPRINT": f"{__name__}.{name}"})


class Declined(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"declined with {code}")
        self.code = code


def test_fingerprint_of_a_report_makes_one_group_of_different_errors(captured, store):
    error_tracker.track_error(raised(ValueError("a")), fingerprint="payments")
    error_tracker.track_error(raised(KeyError("b")), fingerprint=["payments"])
    error_tracker.track_error(raised(KeyError("c")), fingerprint=("refunds", 7))
    store(*captured)
    assert sorted(ErrorGroup.objects.values_list("count", flat=True)) == [1, 2]
    assert ["chosen by the project", "  payments"] in list(Grouping.objects.values_list("components", flat=True))


def test_default_in_it_is_what_it_would_be(captured):
    for number in (1, 2):
        error_tracker.track_error(raised(ValueError("x")), fingerprint=["{{ default }}", f"tenant {number}"])
    error_tracker.track_error(raised(ValueError("x")), fingerprint="{{ default }}")
    error_tracker.track_error(raised(ValueError("x")))
    one, two, three, four = [error.fingerprint for error in captured]
    assert len({one, two, three}) == 3
    assert three == four


def test_a_rule_is_asked_for_every_error_also_at_one_place(captured):
    with rule("by_code"):
        for code in (51, 61, 51):
            error_tracker.track_error(raised(Declined(code)))
        error_tracker.track_error(raised(ValueError("plain")))
    hashes = [error.fingerprint for error in captured]
    assert hashes[0] == hashes[2] != hashes[1]
    error_tracker.track_error(raised(ValueError("plain")))
    assert captured[-1].fingerprint == hashes[3]


@pytest.mark.usefixtures("site")
def test_a_rule_holds_for_requests_and_is_readable_in_the_group(captured, store):
    with rule("by_type"):
        client = Client(raise_request_exception=False)
        client.get("/fail/")
        client.get("/lazy/")
    store(*captured)
    assert ErrorGroup.objects.get().count == 2
    assert Grouping.objects.get().components == ["chosen by the project", "  by type", "  ValueError"]


def test_what_a_report_says_comes_before_the_rule(captured):
    with rule("telling"):
        error_tracker.track_error(raised(ValueError("x")), fingerprint="mine")
    assert captured[0].record["components"] == ("chosen by the project", "  mine")


@pytest.mark.parametrize("name", ["failing", "wrong", "no_such_rule"])
def test_a_rule_that_fails_is_reported_and_the_default_holds(captured, name):
    error_tracker.track_error(raised(ValueError("x")))
    with rule(name):
        error_tracker.track_error(raised(ValueError("x")))
    assert captured[0].fingerprint == captured[1].fingerprint
    assert guard.failures.pop("errors.fingerprint") == 1


def test_a_fingerprint_that_is_none_is_reported_and_the_default_holds(captured):
    error_tracker.track_error(raised(ValueError("x")))
    error_tracker.track_error(raised(ValueError("x")), fingerprint=7)
    assert captured[0].fingerprint == captured[1].fingerprint
    assert guard.failures.pop("errors.fingerprint") == 1


def test_secrets_in_parts_are_taken_out():
    assert grouping.parts_of(["token=abcdefgh12345", "x"]) == ["token=[redacted]", "x"]
