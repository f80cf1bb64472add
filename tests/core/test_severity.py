"""Severity by rule: the project's first, then what an error's type, answer, origin and age tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.records import AlertSeverity
from artisan_monitoring.core.severity import Facts, adjusted, parse, severity_of


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        (Facts("ValueError", handled=False, mechanism="request"), "HIGH"),
        (Facts("ValueError", handled=True), "MEDIUM"),
        (Facts("MemoryError", handled=True), "CRITICAL"),
        (Facts("ConnectionResetError", handled=False, mechanism="request"), "LOW"),
        (Facts("django.http.request.UnreadablePostError", handled=False), "LOW"),
        (Facts("django.http.response.Http404", handled=False, mechanism="request", status=404), "LOW"),
        (Facts("ValueError", handled=False, mechanism="request", status=503), "HIGH"),
        (Facts("ValueError", handled=False, mechanism="thread", in_app=False), "MEDIUM"),
        (Facts("ValueError", handled=False, mechanism="request", in_app=False), "HIGH"),
        (Facts("ValueError", handled=False, in_app=True, age_s=60, users=10), "CRITICAL"),
        (Facts("ValueError", handled=False, in_app=True, age_s=60, users=9), "HIGH"),
        (Facts("ValueError", handled=False, in_app=True, age_s=7200, users=500), "HIGH"),
    ],
)
def test_built_in_rules(facts, severity):
    assert severity_of(facts) == severity


def test_first_rule_of_the_project_that_matches_wins():
    rules, wrong = parse({"shop.Declined handled": "low", "shop.*": "CRITICAL", "status=4xx": "MEDIUM"})
    assert wrong == []
    assert severity_of(Facts("shop.Declined", handled=True), rules) == "LOW"
    assert severity_of(Facts("shop.Declined", handled=False), rules) == "CRITICAL"
    assert severity_of(Facts("KeyError", handled=False, status=418), rules) == "MEDIUM"
    assert severity_of(Facts("KeyError", handled=False), rules) == "HIGH"


@pytest.mark.parametrize(
    ("term", "matching", "other"),
    [
        ("unhandled", Facts("E", handled=False), Facts("E", handled=True)),
        ("in-app", Facts("E", True, in_app=True), Facts("E", True)),
        ("library", Facts("E", True, in_app=False), Facts("E", True)),
        ("new", Facts("E", True, age_s=3600), Facts("E", True, age_s=3601)),
        ("status=404", Facts("E", True, status=404), Facts("E", True, status=403)),
        ("mechanism=celery", Facts("E", True, "celery"), Facts("E", True, "request")),
    ],
)
def test_each_condition(term, matching, other):
    (rule,), _ = parse({term: "LOW"})
    assert rule.matches(matching)
    assert not rule.matches(other)


@pytest.mark.parametrize(
    ("rules", "named"),
    [({"status=40": "LOW"}, "status=40"), ({"colour=red": "LOW"}, "colour=red"), ({"": "LOW"}, "nothing"),
     ({"shop.*": "worst"}, "worst"), ({"a;b": "LOW"}, "a;b")],
)  # fmt: skip
def test_what_is_no_rule_is_named_and_left_out(rules, named):
    good, (problem,) = parse({**rules, "handled": "LOW"})
    assert len(good) == 1
    assert named in problem


facts = st.builds(
    Facts, st.sampled_from(["ValueError", "MemoryError", "BrokenPipeError"]), st.booleans(),
    st.sampled_from(["request", "celery", "thread", "track_error"]), st.none() | st.integers(400, 599),
    st.none() | st.booleans(), st.none() | st.floats(0, 1e6), st.integers(0, 50),
)  # fmt: skip


@given(facts, st.sampled_from(AlertSeverity))
def test_correcting_twice_changes_nothing_more(facts, given):
    once = adjusted(given, facts)
    if once is not AlertSeverity.HIGH:
        assert adjusted(once, facts) == once
    else:
        assert once == given
