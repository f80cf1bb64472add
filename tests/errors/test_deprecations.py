"""Deprecation warnings are recorded where a project asks for them, and are shown as before."""

from __future__ import annotations

import warnings

import pytest

from artisan_monitoring.errors import deprecations
from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def old_way() -> None:
    warnings.warn("use new_way()", DeprecationWarning, stacklevel=2)


@pytest.fixture
def shown(monkeypatch):
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda message, *args, **kwargs: told.append(str(message)))
        monkeypatch.setattr(deprecations._Hooked, "done", False)
        yield told


def test_warning_is_an_error_of_low_severity_where_asked_for(captured, shown):
    with override_monitoring(ERRORS={"WARNINGS": True}):
        deprecations.watch_warnings()
        old_way()
        warnings.warn("disk is slow", RuntimeWarning, stacklevel=1)
    old_way()
    (error,) = captured
    assert (error.type, error.message, error.severity) == ("DeprecationWarning", "use new_way()", "LOW")
    assert error.record["mechanism"] == "warning"
    frames = error.record["samples"][0]["details"]["exception"][0]["frames"]
    assert frames[-1]["function"] == "old_way"
    assert shown == ["use new_way()", "disk is slow", "use new_way()"]


def test_not_asked_for_nothing_is_touched(captured, shown):
    before = warnings.showwarning
    deprecations.watch_warnings()
    assert warnings.showwarning is before
