"""Log-ins: what failed, what worked after failing, and no name kept that was typed in."""

from __future__ import annotations

import json
import logging

import pytest
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.test import Client

from artisan_monitoring.security import logins
from artisan_monitoring.testing import override_monitoring
from tests.security.site import events, fresh  # noqa: F401  # a fixture

pytestmark = [
    pytest.mark.django_db(databases=["default", "monitoring"]),
    pytest.mark.urls("tests.security.site"),
    pytest.mark.usefixtures("fresh"),
]


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob", password="right")


def log_in(name, password, address="203.0.113.9"):
    request = Client(REMOTE_ADDR=address).get("/plain/").wsgi_request
    user = authenticate(request, username=name, password=password)
    if user is not None:
        login(request, user)
    return user


def test_a_failed_login_is_an_event_without_the_name(bob):
    log_in("bob", "wrong")
    (row,) = events()
    assert (row.event, row.severity, row.client) == ("authn_login_fail", "LOW", "203.0.113.0")
    assert len(row.subject) == 32
    assert "bob" not in json.dumps([row.subject, row.details, row.path, row.user_pk])


def test_names_that_differ_in_case_and_blanks_are_one_account():
    accounts = {logins.account_of({"username": name}) for name in ("Bob", " bob ", "ＢＯＢ", "bob\t")}
    assert len(accounts) == 1
    assert logins.account_of({"username": "rob"}) not in accounts
    assert logins.account_of({"username": None}) == logins.account_of({}) == ""


def test_success_after_failures_is_an_event(bob):
    for _ in range(3):
        log_in("bob", "wrong")
    assert log_in("bob", "right") == bob
    rows = [row for row in events() if row.event == "authn_login_successafterfail"]
    assert [(row.rule, row.user_pk, row.severity, row.details["failures"]) for row in rows] == [
        ("account", str(bob.pk), "MEDIUM", 3)
    ]


def test_success_after_two_typing_errors_is_none(bob, caplog):
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            log_in("bob", "wrong")
        log_in("bob", "right")
        log_in("bob", "wrong")  # the count began anew
        log_in("bob", "right")
    assert {row.event for row in events()} == {"authn_login_fail"}
    successes = [each for each in caplog.records if each.getMessage() == "authn_login_success"]
    assert [each.user_pk for each in successes] == [str(bob.pk)] * 2


def test_success_after_trying_other_accounts_is_worse(bob):
    for name in ("ann", "eve", "joe"):
        log_in(name, "wrong")
    log_in("bob", "right")
    (row,) = [row for row in events() if row.event == "authn_login_successafterfail"]
    assert (row.rule, row.severity) == ("client", "HIGH")


def test_many_failures_are_an_event_once(bob):
    with override_monitoring(SECURITY={"LOGIN_FAILURES": 4}):
        for n in range(9):
            log_in("bob", "wrong", address=f"198.51.{n}.1")
            log_in(f"user{n}", "wrong", address="203.0.113.9")
    found = [(row.event, row.rule) for row in events() if row.event == "authn_login_fail_max"]
    assert sorted(found) == [("authn_login_fail_max", "account"), ("authn_login_fail_max", "client")]


def test_a_login_without_a_request_is_seen(bob):
    authenticate(username="bob", password="wrong")
    assert [(row.event, row.client) for row in events()] == [("authn_login_fail", "")]
