"""CPU, memory and disk: real figures, and what they are judged to be."""

from __future__ import annotations

import pytest

from artisan_monitoring.health.base import Status
from artisan_monitoring.health.checks.host import CpuCheck, DiskCheck, MemoryCheck
from artisan_monitoring.health.prober import prober


@pytest.mark.parametrize("check", [CpuCheck(), MemoryCheck(), DiskCheck()])
def test_real_figures(check):
    (measurement,) = check.run()
    assert (measurement.name, measurement.unit) == ("utilization", "percent")
    assert 0 <= measurement.value <= 100


@pytest.mark.parametrize(("warn", "fail", "status"), [(101, 102, "pass"), (0, 101, "warn"), (0, 0, "fail")])
def test_thresholds(warn, fail, status):
    (measurement,) = DiskCheck(warn_percent=warn, fail_percent=fail).run()
    assert measurement.status == status
    assert bool(measurement.output) == (status != "pass")


def test_a_full_machine_is_a_warning_for_the_whole():
    (result,) = prober.collect([MemoryCheck(warn_percent=0, fail_percent=0)], max_age_s=0, budget_s=5)
    assert (result.status, result.effect) == (Status.FAIL, Status.WARN)


def test_a_path_that_is_not_there_fails():
    (result,) = prober.collect([DiskCheck(component_id="/no/such/path")], max_age_s=0, budget_s=5)
    assert result.output == "FileNotFoundError"
