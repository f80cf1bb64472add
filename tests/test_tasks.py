"""The tasks run the jobs, once however often they are asked for."""

from __future__ import annotations

from unittest import mock

import pytest
from pytest_django.fixtures import Settings

from artisan_monitoring import tasks
from artisan_monitoring.schedules import PERIODS_S
from artisan_monitoring.stores import get_store

NAMES = sorted(PERIODS_S)


@pytest.mark.parametrize("name", NAMES)
def test_task_runs_its_job_as_celery(name: str) -> None:
    with mock.patch.object(tasks, "run_job") as run_job:
        getattr(tasks, name).run()
    run_job.assert_called_once_with(name, runner="celery")


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize("name", NAMES)
def test_each_job_really_runs_and_is_recorded(name: str, settings: Settings) -> None:
    settings.ARTISAN_MONITORING = settings.ARTISAN_MONITORING | {
        "IN_TESTS": True,
        "FLUSH": "request_finished",
        "HOUSEKEEPING": "off",
    }
    getattr(tasks, name).run()
    record = get_store().job_records()[name]
    assert (record.runner, record.runs, record.failures, record.last_error) == ("celery", 1, 0, "")


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_task_does_nothing_while_another_holds_the_lease(settings: Settings) -> None:
    settings.ARTISAN_MONITORING = settings.ARTISAN_MONITORING | {
        "IN_TESTS": True,
        "FLUSH": "request_finished",
        "HOUSEKEEPING": "off",
    }
    get_store().acquire_lease("drain", "another", 60)
    tasks.drain.run()
    assert "drain" not in get_store().job_records() or get_store().job_records()["drain"].runs == 0
