"""A standing changes after enough readings in a row, not before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.health.base import Status
from artisan_monitoring.health.hysteresis import Standing, step

P, W, F = Status.PASS, Status.WARN, Status.FAIL


def run(readings, fail_after=3, recover_after=1):
    standing = None
    said = []
    for at, reading in enumerate(readings):
        standing = step(standing, reading, float(at), fail_after=fail_after, recover_after=recover_after)
        said.append(standing.status)
    return said


def test_the_first_reading_is_believed():
    assert run([F]) == [F]


def test_two_failures_are_no_failure_and_the_third_is():
    assert run([P, F, F, P, F, F, F]) == [P, P, P, P, P, P, F]


def test_it_recovers_at_once_or_as_told():
    assert run([F, P]) == [F, P]
    assert run([F, P, P], recover_after=2) == [F, F, P]


def test_warn_and_fail_both_count_against_pass():
    assert run([P, W, F, W]) == [P, P, P, W]


def test_since_is_when_the_standing_changed():
    standing = Standing(P, 5.0)
    for at in (6.0, 7.0):
        standing = step(standing, F, at, fail_after=3, recover_after=1)
    assert (standing.since, standing.against) == (5.0, 2)
    assert step(standing, F, 8.0, fail_after=3, recover_after=1) == Standing(F, 8.0)


@given(st.lists(st.sampled_from([P, W, F]), min_size=1))
def test_without_hysteresis_it_follows_every_reading(readings):
    assert run(readings, fail_after=1) == readings
