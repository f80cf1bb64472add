"""The status algebra."""

from __future__ import annotations

import pytest

from artisan_monitoring.health.base import Check, Result, Status, worst


def test_fail_is_worse_than_warn_is_worse_than_pass():
    assert worst([Status.PASS, Status.WARN]) is Status.WARN
    assert worst([Status.FAIL, Status.WARN]) is Status.FAIL
    assert worst([]) is Status.PASS


@pytest.mark.parametrize(("status", "http"), [("pass", 200), ("warn", 200), ("fail", 503)])
def test_only_fail_is_an_http_error(status, http):
    assert Status(status).http_status == http


@pytest.mark.parametrize(("critical", "effect"), [(True, Status.FAIL), (False, Status.WARN)])
def test_a_failure_that_is_not_critical_warns(critical, effect):
    assert Result(Check(name="x", critical=critical), Status.FAIL, (), 0.0, 0.0).effect is effect


def test_key_names_the_component():
    assert Check(name="database", component_id="replica").key == "database:replica"
    assert Check(name="cpu").key == "cpu"
