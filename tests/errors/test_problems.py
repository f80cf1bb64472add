"""Each mistake in the settings of error capture is named, with what to do; what is right is not."""

from __future__ import annotations

import pytest

from artisan_monitoring.errors.problems import problems
from artisan_monitoring.testing import override_monitoring


@pytest.mark.parametrize(
    ("chosen", "message", "hint"),
    [
        ({"TRAIL": ["log", "sql"]}, "'sql'", "query"),
        ({"LOGS": "ERORR"}, "'ERORR'", "ERROR"),
        ({"ANSWERED": [404, 500]}, "500", "400 to 499"),
        ({"BEFORE_SEND": "no.such.function"}, "cannot be imported", "dotted path"),
        ({"BEFORE_SEND": "os.sep"}, "not callable", "dotted path"),
    ],
)
def test_mistake_is_named(chosen, message, hint):
    with override_monitoring(ERRORS=chosen):
        ((said, advice),) = problems()
    assert message in said
    assert hint in advice


def test_what_is_right_is_not():
    chosen = {"TRAIL": ["log", "query", "cache", "http", "httpx"], "LOGS": "", "ANSWERED": [403]}
    with override_monitoring(ERRORS={**chosen, "BEFORE_SEND": "tests.errors.test_refusing.change"}):
        assert list(problems()) == []
