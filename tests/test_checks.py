"""Each mistake in the settings has its own check, which says what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from artisan_monitoring.checks import IDS, TAG

OURS = "artisan_monitoring.middleware."
FIRST, SECOND, THIRD = (
    f"{OURS}{name}" for name in ("MonitoringMiddleware", "DatabaseMonitoringMiddleware", "SecurityMonitoringMiddleware")
)
DJANGOS = "django.middleware.common.CommonMiddleware"
RIGHT: dict[str, Any] = {"DATABASE": "monitoring"}


def found(**settings: Any) -> dict[str, CheckMessage]:
    """Return this app's messages by id, under settings."""
    with override_settings(**{"MIDDLEWARE": [FIRST, SECOND, THIRD, DJANGOS], "ARTISAN_MONITORING": RIGHT, **settings}):
        return {str(each.id).rpartition(".")[2]: each for each in run_checks(tags=[TAG])}


def monitoring(**keys: Any) -> Callable[[], dict[str, CheckMessage]]:
    return lambda: found(ARTISAN_MONITORING={**RIGHT, **keys})


MISTAKES: dict[str, tuple[Callable[[], dict[str, CheckMessage]], str]] = {
    "E001": (monitoring(FLUSH_INTERVALL_S=5), "Did you mean FLUSH_INTERVAL_S?"),
    "E002": (monitoring(LIMITS={"METRICS": "many"}), "Why it exists"),
    "E003": (monitoring(HOUSEKEEPING="yes"), "auto, celery, process, off"),
    "E004": (monitoring(STORE={"BACKEND": "artisan_monitoring.stores.RedisStor"}), "dotted path"),
    "E005": (monitoring(STORE={"OPTIONS": {"alias": "x"}}), "options"),
    "E006": (monitoring(HEALTH={"TOKENS": ["short"]}), "secrets"),
    "E007": (monitoring(TRUSTED_PROXIES=["10.0.0.0/33"]), ""),
    "E008": (monitoring(HEALTH={"READINESS": ["databse"]}), "database"),
    "E009": (monitoring(OTLP={"ENDPOINT": "collector:4318"}), "http"),
    "E016": (monitoring(OVERHEAD_BUDGET_MS=-1.0), "0 switches the budget off"),
    "E014": (monitoring(ERRORS={"FINGERPRINT": "shop.no_such_rule"}), "Occurrence"),
    "E013": (monitoring(ERRORS={"SEVERITY": {"colour=red": "LOW"}}), "status=4xx"),
    "E010": (monitoring(ERRORS={"TRAIL": ["log", "sql"]}), "query"),
    "W001": (lambda: found(MIDDLEWARE=[DJANGOS]), FIRST),
    "W002": (lambda: found(MIDDLEWARE=[DJANGOS, FIRST, SECOND]), FIRST),
    "W003": (lambda: found(MIDDLEWARE=[SECOND, FIRST]), f"before {SECOND}"),
}


@pytest.mark.parametrize("number", MISTAKES)
def test_a_mistake_has_its_own_check_with_a_hint(number: str) -> None:
    mistake, hint = MISTAKES[number]
    messages = mistake()

    assert set(messages) == {number}
    assert messages[number].hint
    assert hint.lower() in messages[number].hint.lower()
    assert messages[number].is_serious() is (number[0] == "E")


def test_uwsgi_without_threads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt={}))  # as it is inside uWSGI alone
    (message,) = found().values()
    assert message.id == f"{TAG}.W004"
    assert "--enable-threads" in str(message.hint)

    assert monitoring(FLUSH="request_finished")() == {}
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt={"enable-threads": b"true"}))
    assert found() == {}


def test_every_id_is_tried_here() -> None:
    assert set(IDS) == {*MISTAKES, "W004"}


def test_right_settings_say_nothing() -> None:
    assert found() == {}


def test_a_typing_error_takes_nothing_down() -> None:
    from artisan_monitoring.conf import get_settings
    from artisan_monitoring.conf.options import MonitoringSettings

    with override_settings(ARTISAN_MONITORING={"LIMITS": {"METRICS": "many", "SERIES": 7}, "NONSENSE": 1}):
        chosen = get_settings()
    assert chosen.LIMITS.METRICS == MonitoringSettings().LIMITS.METRICS
    assert chosen.LIMITS.SERIES == 7
    with override_settings(ARTISAN_MONITORING="all of it"):
        assert get_settings() == MonitoringSettings()
        assert {str(each.id) for each in run_checks(tags=[TAG])} >= {f"{TAG}.E002"}
