"""What was put away comes back when, and only when, it should."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.releases import is_newer
from artisan_monitoring.core.standing import Happened, Standing, after, in_slots, in_words

NEWER = partial(is_newer, first_seen={})
HOUR = 3600


def once(at: float, release: str = "1.0") -> Happened:
    return Happened([(at, 1)], [(at, release)])


def state_after(standing: Standing, *all_happened: Happened) -> str:
    for happened in all_happened:
        standing, _ = after(standing, happened, NEWER)
    return standing.state


class TestResolved:
    def test_now_regresses_with_the_next_occurrence_whatever_the_release(self):
        standing = Standing("resolved", since=100, resolution="now")
        assert state_after(standing, once(100)) == "resolved"
        assert state_after(standing, once(101, "")) == "regressed"

    @pytest.mark.parametrize(
        ("resolution", "release", "state"),
        [
            ("release", "1.3.9", "resolved"),
            ("release", "1.4.0-rc.1", "resolved"),
            ("release", "1.4.0", "regressed"),
            ("release", "1.4.1", "regressed"),
            ("release", "", "regressed"),
            ("next", "1.3.9", "resolved"),
            ("next", "1.4.0", "resolved"),
            ("next", "1.4.1", "regressed"),
            ("next", "", "regressed"),
        ],
    )
    def test_in_a_release_regresses_by_the_release_it_happens_in(self, resolution, release, state):
        standing = Standing("resolved", since=100, resolution=resolution, release="1.4.0")
        moved, change = after(standing, once(101, release), NEWER)
        assert moved.state == state
        assert (change is not None) is (state == "regressed")
        if change is not None and release:
            assert release in change.reason

    def test_of_several_releases_in_one_delta_one_is_enough(self):
        standing = Standing("resolved", since=100, resolution="next", release="1.4.0")
        both = Happened([(101, 5)], [(101, "1.4.1"), (105, "1.4.0")])
        assert state_after(standing, both) == "regressed"

    def test_a_newer_release_from_before_the_decision_does_not_count(self):
        standing = Standing("resolved", since=100, resolution="next", release="1.4.0")
        assert state_after(standing, Happened([(105, 2)], [(99, "1.5.0"), (105, "1.4.0")])) == "resolved"

    def test_without_a_release_of_its_own_it_is_resolved_now(self):
        assert state_after(Standing("resolved", since=100, resolution="next"), once(101)) == "regressed"


class TestMuted:
    def test_for_ever_is_for_ever(self):
        assert state_after(Standing("muted", since=0), *(once(at) for at in range(1, 10**9, 10**7))) == "muted"

    def test_for_a_time_ends_with_an_occurrence_and_not_with_the_time(self):
        standing = Standing("muted", since=0, muted_until=100)
        moved, change = after(standing, once(99), NEWER)
        assert (moved, change) == (standing, None)  # hours may pass: nothing wakes it but an error
        moved, change = after(standing, once(5_000), NEWER)
        assert (moved.state, moved.since, change.kind) == ("open", 5_000, "unmuted")

    def test_until_so_many_in_a_period(self):
        standing = Standing("muted", since=0, limit=3, period_s=HOUR)
        assert state_after(standing, once(10), once(20)) == "muted"
        assert state_after(standing, once(10), once(20), once(30)) == "open"
        assert state_after(standing, once(10), once(20), once(20 + HOUR + 60)) == "muted"

    def test_reason_has_the_numbers(self):
        _, change = after(Standing("muted", limit=3, period_s=HOUR), Happened([(9, 4)], [(9, "")]), NEWER)
        assert change.reason == "It happened 4 times within an hour."

    def test_what_was_before_the_mute_does_not_count(self):
        standing = Standing("muted", since=100, limit=3, period_s=HOUR)
        assert state_after(standing, Happened([(90, 50), (101, 2)], [(101, "")])) == "muted"


@pytest.mark.parametrize("state", ["open", "regressed"])
def test_what_is_open_stays_as_it_is(state):
    standing = Standing(state, since=5)
    assert after(standing, once(10), NEWER) == (standing, None)


occurrences = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 5)), min_size=1, max_size=60)


@given(occurrences, st.integers(1, 20), st.sampled_from([60, HOUR, 4 * HOUR]))
def test_volume_is_judged_within_a_slot_of_the_exact_window(happened, limit, period_s):
    """In order of time, as the drain brings them: never later than a window one slot shorter, never before a longer."""
    happened = sorted((at + 1, count) for at, count in happened)
    slot = max(1, period_s / 60)
    standing, opened = Standing("muted", limit=limit, period_s=period_s), None
    for at, count in happened:
        standing, change = after(standing, Happened([(at, count)], [(at, "")]), NEWER)
        if change is not None:
            opened = at
            break

    def first_to_reach(window: float) -> int | None:
        for at, _ in happened:
            if sum(n for then, n in happened if at - window < then <= at) >= limit:
                return at
        return None

    must, may = first_to_reach(period_s - slot), first_to_reach(period_s + slot)
    if must is not None:
        assert opened is not None
        assert opened <= must
    if opened is not None:
        assert may is not None
        assert may <= opened


@given(occurrences, st.integers(60, 10**6))
def test_slots_stay_few_and_lose_nothing_inside_the_period(happened, period_s):
    slots = ()
    for each in happened:
        slots = in_slots(slots, [each], period_s)
        assert len(slots) <= 61
    latest = max(at for at, _ in happened)
    step = max(1.0, period_s / 60)
    inside = sum(count for at, count in happened if at > latest - period_s + step)
    assert sum(count for _, count in slots) >= inside


def test_periods_are_said_as_people_do():
    assert [in_words(each) for each in (90, HOUR, 2 * HOUR, 86_400, 3 * 86_400, 604_800)] == [
        "90 seconds", "an hour", "2 hours", "a day", "3 days", "a week",
    ]  # fmt: skip
