"""The tests' own host: its databases are files of this process, and a child of a test can share them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).parents[2]


def databases_of_another_process(**environment: str) -> list[str]:
    code = "from tests.settings import DATABASES; print(*(entry['NAME'] for entry in DATABASES.values()))"
    command = [sys.executable, "-c", code]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.split()


def test_databases_are_files_of_this_process_alone_and_go_with_it() -> None:
    ours = {settings.DATABASES[alias]["NAME"] for alias in ("default", "monitoring")}
    others = databases_of_another_process(TESTS_DIR="")
    assert len(ours) == 2
    assert ours.isdisjoint(others)
    assert [name for name in others if Path(name).parent.exists()] == []


def test_a_child_that_is_given_the_directory_shares_the_databases(tmp_path: Path) -> None:
    expected = [str(tmp_path / "default.sqlite3"), str(tmp_path / "monitoring.sqlite3")]
    assert databases_of_another_process(TESTS_DIR=str(tmp_path)) == expected
    assert tmp_path.exists()


def test_the_app_lives_on_its_own_alias() -> None:
    assert settings.DATABASE_ROUTERS == ["artisan_monitoring.routers.MonitoringRouter"]
