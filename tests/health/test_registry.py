"""Which checks a list stands for, and what is said about settings that cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from artisan_monitoring import health
from artisan_monitoring.health import registry
from artisan_monitoring.health.base import Check, Measurement, Status
from artisan_monitoring.health.checks.host import DiskCheck
from artisan_monitoring.health.prober import prober


@dataclass(frozen=True, kw_only=True)
class Payments(Check):
    """A check of the project."""

    limit: int = 3

    def run(self):
        return [Measurement("limit", self.limit)]


class NoCheck:
    def __init__(self, **options):
        pass


def keys(section):
    return [check.key for check in registry.checks(section)]


def said():
    return [(problem.kind, problem.key) for problem in health.problems()]


def test_the_defaults_are_right():
    assert health.problems() == []


def test_an_empty_list_of_details_is_every_check(configure):
    configure()
    assert set(registry.listed("DETAILED")) == set(registry.BUILT_IN)
    configure(DETAILED=["cpu"])
    assert keys("DETAILED") == ["cpu"]
    assert keys("SUMMARY") == ["cpu"]


def test_an_empty_readiness_is_empty(configure):
    configure(READINESS=[])
    assert keys("READINESS") == []


def test_options_of_a_built_in_check(configure):
    configure(DETAILED=["disk"], CHECKS={"disk": {"OPTIONS": {"component_id": "/var", "warn_percent": 50.0}}})
    assert registry.checks("DETAILED") == (DiskCheck(component_id="/var", warn_percent=50.0),)
    assert health.problems() == []


def test_a_check_of_ones_own(configure):
    configure(DETAILED=["payments"], CHECKS={"payments": {"BACKEND": f"{__name__}.Payments", "OPTIONS": {"limit": 5}}})
    (result,) = prober.collect(registry.checks("DETAILED"), max_age_s=0, budget_s=5)
    assert (result.check.name, result.measurements[0].value) == ("payments", 5)
    assert health.problems() == []


@pytest.mark.parametrize(
    ("settings_of_health", "problem", "words"),
    [
        ({"READINESS": ["databse"]}, ("check", "HEALTH.READINESS"), "databse"),
        ({"DETAILED": ["cpu", "gpu"]}, ("check", "HEALTH.DETAILED"), "gpu"),
        ({"CHECKS": {"disk": {"OPTIONS": {"warn": 1}}}}, ("check", "HEALTH.CHECKS['disk']"), "warn"),
        ({"CHECKS": {"disk": {"OPTION": {}}}}, ("check", "HEALTH.CHECKS['disk']"), "OPTION"),
        ({"CHECKS": {"x": {"BACKEND": "no.such.Check"}}}, ("check", "HEALTH.CHECKS['x']"), "no"),
        ({"CHECKS": {"x": {"BACKEND": f"{__name__}.NoCheck"}}}, ("check", "HEALTH.CHECKS['x']"), "subclass"),
        ({"CHECKS": {"disk": 5}}, ("check", "HEALTH.CHECKS['disk']"), "dictionary"),
        ({"CHECKS": {"disk": {"OPTIONS": 5}}}, ("check", "HEALTH.CHECKS['disk']"), "cannot be built"),
        ({"CHECKS": {"x": {}}}, ("check", "HEALTH.CHECKS['x']"), "there is no check"),
        ({"TOKENS": ["short"]}, ("token", "HEALTH.TOKENS"), "shorter"),
        ({"NETWORKS": ["10.0.0.0/99"]}, ("network", "HEALTH.NETWORKS"), "10.0.0.0/99"),
        ({"EXTERNAL": [{"NAME": "x"}]}, ("external", "HEALTH.EXTERNAL[0]"), "URL"),
    ],
)
def test_problems(configure, settings_of_health, problem, words):
    configure(**settings_of_health)
    assert said() == [problem]
    (found,) = health.problems()
    assert words in found.message
    assert found.hint


def test_two_external_apis_need_two_names(configure):
    twice = {"NAME": "x", "URL": "https://x.example/"}
    configure(EXTERNAL=[twice, twice])
    assert said() == [("external", "HEALTH.EXTERNAL[1]")]


def test_a_proxy_that_is_no_network(configure):
    configure(top={"TRUSTED_PROXIES": ["proxy.example"]})
    assert said() == [("network", "TRUSTED_PROXIES")]


def test_a_typing_error_warns_at_run_time_and_takes_nothing_down(configure):
    configure(READINESS=["databse"])
    (result,) = prober.collect(registry.checks("READINESS"), max_age_s=0, budget_s=5)
    assert (result.effect, result.code) == (Status.WARN, "misconfigured")
    assert "databse" in result.output
