"""A real worker with beat on a real Redis: jobs run, tasks are measured, errors are captured, context travels."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services import RedisServer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0

Look = Callable[[], dict[str, Any]]


class Site:
    """A host of its own directory, Redis and processes."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.integrations.worker_settings",
            "TESTS_DIR": str(directory),
            "REDIS_URL": redis_url,
            "PYTHONUNBUFFERED": "1",
        }
        self.log = directory / "worker.log"
        self.worker: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        """Run Python and return what it printed."""
        command = [sys.executable, *arguments]
        run = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def publish(self, what: str = "publish") -> None:
        self.run("-m", "tests.integrations.worker_script", what)

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("-m", "tests.integrations.worker_script", "look"))
        return found

    def start_worker(self, *options: str) -> None:
        program = [sys.executable, "-m", "celery", "-A", "tests.integrations.worker_app", "worker", "-l", "INFO"]
        with self.log.open("ab") as log:
            self.worker = subprocess.Popen(
                [*program, "-n", "one@tests", *options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop_worker(self) -> int:
        """End the worker warmly, as a deployment does; return its exit code."""
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        code = self.worker.wait(timeout=PATIENCE_S)
        self.worker = None
        return code

    def records(self) -> list[dict[str, Any]]:
        """Return the worker's log lines that are JSON."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def until(self, right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look until it is right; fail with what was seen last."""
        ends = time.monotonic() + PATIENCE_S
        while not right(found := self.look()):
            if time.monotonic() > ends:
                pytest.fail(f"{found}\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(1)
        return found


@pytest.fixture
def site(tmp_path: Path, new_redis: Callable[..., RedisServer]) -> Iterator[Site]:
    made = Site(tmp_path, new_redis().url)
    for alias in ("default", "monitoring"):
        made.run("manage.py", "migrate", "--database", alias, "-v", "0")
    yield made
    if made.worker is not None:
        # With the group go its children: an embedded beat outlives a parent that is killed.
        os.killpg(made.worker.pid, signal.SIGKILL)
        made.worker.wait()


def test_worker_with_beat_does_the_jobs_and_is_watched(site: Site) -> None:
    site.start_worker("-B", "-c", "2", "-s", str(site.directory / "beat"))
    site.publish()
    found = site.until(
        lambda seen: (
            bool(seen["errors"] and seen["errors"][0]["count"] == 3)
            and sum(seen["durations"].values()) == 15
            and bool(seen["workers"] and seen["beat"])
            and seen["jobs"].get("drain", [""])[0] == "celery"
        )
    )
    assert found["durations"] == {
        "shop.greet success": 5,
        "shop.greet_again success": 5,
        "shop.fail failure": 3,
        "shop.try_again retry": 1,
        "shop.try_again success": 1,
    }
    [error] = found["errors"]
    assert (error["type"], error["mechanism"]) == ("LookupError", "celery")
    assert found["workers"]["one@tests"]["concurrency"] == 2
    assert found["workers"]["one@tests"]["pool"] == "prefork"
    assert {"drain", "evaluate_alerts", "deliver_notifications"} <= set(found["jobs"])
    assert {runner for runner, _, _ in found["jobs"].values()} == {"celery"}
    assert {error for _, _, error in found["jobs"].values()} == {""}

    hellos = [record for record in site.records() if str(record.get("message", "")).startswith(("hello", "try "))]
    assert len(hellos) == 12
    assert {record["request_id"] for record in hellos} == {"request-of-the-publisher"}
    assert {record["trace_id"] for record in hellos} == {"a" * 32}
    assert {record["task"] for record in hellos} == {"shop.greet", "shop.greet_again", "shop.try_again"}
    assert site.stop_worker() == 0
    assert site.look()["workers"] == {}, "a worker that ends takes its note back"


@pytest.mark.parametrize("pool", [["prefork", "--max-tasks-per-child", "4"], ["threads"], ["solo"]], ids=" ".join)
def test_worker_that_ends_sends_what_it_has_recorded(site: Site, pool: list[str]) -> None:
    site.environment["SLOW_FLUSH"] = "1"
    site.start_worker("-c", "1", "--pool", *pool)
    site.publish()
    ends = time.monotonic() + PATIENCE_S
    while sum("try 1" in line for line in site.log.read_text(errors="replace").splitlines()) < 1:
        assert time.monotonic() < ends, site.log.read_text(errors="replace")[-4000:]
        time.sleep(0.3)
    assert site.stop_worker() == 0
    site.run("manage.py", "monitoring_flush")
    assert sum(site.look()["durations"].values()) == 15


def test_a_child_killed_by_its_time_limit_is_an_error_told_by_its_parent(site: Site) -> None:
    site.start_worker("-B", "-c", "1", "-s", str(site.directory / "beat"))
    site.publish("hang")
    found = site.until(lambda seen: bool(seen["errors"]))["errors"]
    assert len(found) == 1, found
    [error] = found
    assert error["type"].endswith("TimeLimitExceeded")
    assert (error["count"], error["mechanism"]) == (1, "celery")
    assert site.stop_worker() == 0
