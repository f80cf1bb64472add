"""The end of an interpreter is quiet and near: no traceback of ours, at most one line, whatever the store does."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.e2e.servers import Site
from tests.services import RedisServer
from tests.testproject.conftest import ROOT

LONGEST_S = 10.0
RECORD = (
    "from artisan_monitoring import *; metrics_collector.increment('e2e.exit'); logger.info('hello');"
    "error_tracker.track_error(ValueError('at the end'), AlertSeverity.CRITICAL)"
)
OURS = re.compile(
    "Monitoring (?:waits|failed)|artisan-(?:flusher|housekeeper)|no such table|InboxState|Traceback|Exception ignored"
)


def record_and_end(site: Site) -> tuple[list[str], float]:
    """Record from a command that then ends; return the lines about us that it wrote, and how long it took."""
    began = time.monotonic()
    done = site.manage("shell", "-v", "0", "-c", RECORD)
    took_s = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if OURS.search(line)], took_s


def without_tables(site: Site) -> Site:
    for file in site.directory.glob("monitoring.sqlite3*"):
        file.unlink()
    return site


def test_a_command_sends_what_it_recorded_and_says_nothing(new_site: Callable[..., Site]) -> None:
    site = new_site()
    said, took_s = record_and_end(site)
    assert said == []
    assert took_s < LONGEST_S
    counts = site.counts()
    assert (counts.metrics["e2e.exit"], counts.errors) == (1, {"ValueError": 1})


def test_without_tables_one_line_says_what_was_not_sent(new_site: Callable[..., Site]) -> None:
    said, took_s = record_and_end(without_tables(new_site()))
    assert len(said) == 1, said
    assert re.search(r"\d+ observations unsent", said[0])
    assert took_s < LONGEST_S


@pytest.mark.parametrize("fault", ["refused", "frozen"])
def test_without_redis_the_end_comes_in_time(
    new_site: Callable[..., Site], new_redis: Callable[..., RedisServer], fault: str
) -> None:
    redis = new_redis()
    redis.stop() if fault == "refused" else redis.pause()
    said, took_s = record_and_end(new_site(REDIS_URL=redis.url))
    redis.resume()
    assert len(said) == 1, said
    assert "observations unsent" in said[0]
    assert took_s < LONGEST_S


def test_with_a_locked_database_the_end_comes_in_time(new_site: Callable[..., Site]) -> None:
    site = new_site()
    with closing(sqlite3.connect(site.directory / "monitoring.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        said, took_s = record_and_end(site)
        holder.execute("ROLLBACK")
    assert len(said) == 1, said
    assert took_s < LONGEST_S


TESTS = """
import pytest
from django.test import Client
from artisan_monitoring import AlertSeverity, error_tracker, metrics_collector

def test_without_a_database():
    assert Client().get("/bad/plain/").status_code == 200
    assert Client(raise_request_exception=False).get("/bad/raise/locals/").status_code == 500
    metrics_collector.increment("in_a_test")
    error_tracker.track_error(ValueError("in a test"), AlertSeverity.CRITICAL)

@pytest.mark.django_db(databases="__all__")
def test_with_a_database(client):
    assert client.get("/products/").status_code == 200

def test_the_fixtures(captured_metrics):
    Client().get("/bad/plain/")
    assert captured_metrics.count("http.server.request.duration") == 1
"""


@pytest.mark.parametrize("runner", ["pytest", "django"])
def test_a_run_of_somebody_elses_tests_ends_quietly(new_site: Callable[..., Site], runner: str) -> None:
    site = without_tables(new_site())
    package = site.directory / "shop_tests"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "test_shop.py").write_text(TESTS if runner == "pytest" else AS_TEST_CASE)
    if runner == "pytest":
        command = ["-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(package), "-p", "no:cacheprovider"]
        command += ["-W", "error", str(package)]
    else:
        command = ["manage.py", "test", "shop_tests", "--noinput"]
    env = {**site.env, "PYTHONPATH": f"{ROOT}:{site.directory}"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout or "Ran 1 test" in done.stderr
    assert not [line for line in (done.stdout + done.stderr).splitlines() if OURS.search(line)], done.stderr


AS_TEST_CASE = """
from django.test import TestCase
from artisan_monitoring import AlertSeverity, error_tracker, metrics_collector

class ShopTest(TestCase):
    databases = "__all__"

    def test_shop(self):
        assert self.client.get("/products/").status_code == 200
        metrics_collector.increment("in_a_test")
        error_tracker.track_error(ValueError("in a test"), AlertSeverity.CRITICAL)
"""
