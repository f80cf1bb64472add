"""The beat schedule: plain seconds that agree with the registered jobs and tasks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from artisan_monitoring import schedules
from artisan_monitoring.integrations.celery_heartbeat import BEAT_HEADER
from artisan_monitoring.pipeline.jobs import jobs
from artisan_monitoring.schedules import beat_schedule


def test_every_job_is_scheduled_with_its_own_period() -> None:
    registered = {job.name: job.period_s for job in jobs().values()}
    scheduled = {entry["task"].rpartition(".")[2]: entry["schedule"] for entry in beat_schedule().values()}
    assert scheduled == {name: registered[name] for name in schedules.PERIODS_S}
    assert scheduled == registered


def test_every_entry_names_a_task_that_exists() -> None:
    from artisan_monitoring import tasks

    for entry in beat_schedule().values():
        module, _, name = entry["task"].rpartition(".")
        assert module == tasks.__name__
        assert getattr(tasks, name).name == entry["task"]


@pytest.mark.parametrize("queue", ["", "monitoring"])
def test_messages_expire_before_the_next_and_carry_the_mark_of_beat(queue: str) -> None:
    for entry in beat_schedule(queue=queue).values():
        assert type(entry["schedule"]) is float
        assert entry["options"]["expires"] == entry["schedule"]
        assert entry["options"]["headers"] == {BEAT_HEADER: True}
        assert entry["options"].get("queue", "") == queue


def test_schedules_share_nothing_that_celery_could_change_in_both() -> None:
    first, second = beat_schedule(), beat_schedule()
    first["artisan-monitoring-drain"]["options"]["headers"]["other"] = True
    assert second == beat_schedule()


def test_in_settings_it_imports_neither_celery_nor_django() -> None:
    code = (
        "import sys; from artisan_monitoring.schedules import beat_schedule; beat_schedule();"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'celery', 'kombu', 'django'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []
