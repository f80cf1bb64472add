"""Sightings become merged records, within bounds, with nothing in them that a database cannot hold."""

from __future__ import annotations

import json
import logging

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.conf.clients import masked
from artisan_monitoring.core import context, guard
from artisan_monitoring.core.records import AlertSeverity
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.security import events, refusals
from artisan_monitoring.security.events import (
    Origin,
    Sighting,
    clean,
    known_user_pk,
    merge,
    origin_of,
    record,
)
from artisan_monitoring.testing import override_monitoring


@pytest.fixture(autouse=True)
def empty():
    buffer.swap()
    yield
    buffer.swap()


def recorded() -> list[dict]:
    merged = buffer.swap().merged.get(events.KIND)
    return list(merged.by_key.values()) if merged else []


def test_a_thousand_equal_sightings_are_one_record(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            record(Sighting("malicious_xss", Origin(client="203.0.113.9"), rule="xss.script"))
    rows = recorded()
    assert sum(row["count"] for row in rows) == 1000
    assert len(rows) <= 2
    assert len(caplog.records) <= 2


def test_different_clients_are_bounded_too():
    for n in range(3000):
        record(Sighting("malicious_xss", Origin(client=f"203.{n // 250}.{n % 250}.1")))
    assert len(recorded()) == 1000
    assert len(events._told) <= events.MAX_TOLD


def test_the_severity_is_the_events_own_unless_given():
    record(Sighting("malicious_orm_lookup", Origin()))
    record(Sighting("malicious_xss", Origin(), severity=AlertSeverity.CRITICAL))
    assert [row["severity"] for row in recorded()] == ["HIGH", "CRITICAL"]


def test_merging_keeps_the_first_facts_and_the_worst_severity():
    first = {"count": 1, "first_seen": 5.0, "last_seen": 6.0, "score": 5, "severity": "LOW", "details": {"a": 1}}
    later = {"count": 2, "first_seen": 1.0, "last_seen": 2.0, "score": 9, "severity": "HIGH", "details": {"a": 2}}
    merge(first, later)
    assert first == {
        "count": 3,
        "first_seen": 1.0,
        "last_seen": 6.0,
        "score": 9,
        "severity": "HIGH",
        "details": {"a": 1},
    }


def test_secrets_are_taken_out():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    record(Sighting("malicious_xss", Origin(path=f"/reset/{token}/", user_agent=f"Bearer {token}")))
    assert token not in json.dumps(recorded())


@given(st.text(), st.integers(1, 300))
def test_any_text_becomes_one_that_a_database_can_hold(text, limit):
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    shown.encode()


def test_an_address_is_kept_as_the_settings_allow():
    with override_monitoring(PRIVACY={"IP": "hash"}):
        first = masked("203.0.113.9")
        assert (len(first), first) == (32, masked("203.0.113.9"))
        assert first != masked("203.0.113.10")
    with override_monitoring(PRIVACY={"IP": "full"}):
        assert masked("203.0.113.9") == "203.0.113.9"


def test_the_user_is_known_only_if_the_host_has_loaded_it():
    class Someone:
        pk = 7

    def explode():
        raise AssertionError("the user was loaded")

    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(explode)
    assert known_user_pk(request) == ""
    request._cached_user = Someone()
    assert known_user_pk(request) == "7"


def test_without_a_request_the_running_observation_tells_the_client():
    observation = context.Observation()
    observation.client = "203.0.113.9"
    context.observation.set(observation)
    try:
        assert origin_of(None).client == "203.0.113.9"
    finally:
        context.observation.set(None)
    assert origin_of(None) == Origin()
    assert origin_of(HttpRequest()).client == ""


def test_a_failure_of_ours_is_counted_and_goes_no_further(monkeypatch):
    monkeypatch.setattr(events, "_row", None)
    before = guard.failures["security.record"]
    record(Sighting("malicious_xss", Origin()))
    assert guard.failures["security.record"] == before + 1


# -- what Django refuses ----------------------------------------------------------------------------------------------


def test_the_handler_is_attached_once_however_often():
    refusals.attach()
    refusals.attach()
    handlers = logging.getLogger("django.security").handlers
    assert len([each for each in handlers if isinstance(each, refusals.RefusalHandler)]) == 1


def test_a_logger_that_the_project_silences_is_heard_all_the_same():
    """Django's own documentation advises `DisallowedHost` with a NullHandler and `propagate: False`."""
    silenced = logging.getLogger("django.security.DisallowedHost")
    silenced.propagate = False
    try:
        refusals.attach()
        silenced.error("Invalid HTTP_HOST header", extra={"status_code": 400, "request": RequestFactory().get("/x/")})
        refusals.attach()
        (row,) = recorded()
        assert (row["rule"], row["path"], row["count"]) == ("django.disallowed_host", "/x/", 1)
    finally:
        silenced.propagate = True
        silenced.handlers = [each for each in silenced.handlers if not isinstance(each, refusals.RefusalHandler)]


@pytest.mark.parametrize(
    ("name", "event", "rule"),
    [
        ("csrf", "malicious_csrf", "django.csrf"),
        ("SuspiciousFileOperation", "malicious_lfi", "django.suspicious_file_operation"),
        ("DisallowedModelAdminLookup", "malicious_orm_lookup", "django.disallowed_model_admin_lookup"),
        ("RequestDataTooBig", "input_validation_fail", "django.request_data_too_big"),
        ("OfTheirOwn", "input_validation_fail", "django.of_their_own"),
    ],
)
def test_each_refusal_has_its_event(name, event, rule):
    logging.getLogger(f"django.security.{name}").warning(
        "refused", extra={"request": "not a request", "status_code": "?"}
    )
    assert [(row["event"], row["rule"], row["status"]) for row in recorded()] == [(event, rule, None)]
