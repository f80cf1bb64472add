"""`make bench` runs: every group measures something, the table is printed, the JSON is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.table import Row

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_quick_run_prints_every_group_and_writes_json(tmp_path: Path) -> None:
    output = tmp_path / "run.json"
    printed = run("--quick", "--output", str(output))
    result = json.loads(output.read_text())
    rows = result["rows"]
    assert result["quick"] is True
    assert {"python", "django", "cpus", "load_before"} <= result["machine"].keys()
    for word in (
        "with orjson",
        "without orjson",
        "One call",
        "SQLite",
        "Memory",
        "Start-up",
        "Host latency",
        "Error pages",
    ):
        assert any(word in row["group"] for row in rows), word
        assert word in printed
    assert all(row["value"] is not None for row in rows if row["verdict"] != "skipped")
    assert all(row["verdict"] in ("ok", "MISSED") for row in rows if row["target"] is not None)
    assert not [row for row in rows if row["name"] == "could not be measured"]
    assert str(output) in printed


def test_one_group_can_be_run_alone(tmp_path: Path) -> None:
    printed = run("--quick", "--only", "startup", "--output", str(tmp_path / "run.json"))
    assert "Start-up" in printed
    assert "Memory" not in printed


@pytest.mark.parametrize(
    ("value", "target", "at_least", "verdict"),
    [(1.0, 2.0, False, "ok"), (3.0, 2.0, False, "MISSED"), (3.0, 2.0, True, "ok"), (1.0, 2.0, True, "MISSED"),
     (1.0, None, False, "-"), (None, 2.0, False, "skipped")],
)  # fmt: skip
def test_a_row_knows_whether_it_meets_its_target(
    value: float | None, target: float | None, at_least: bool, verdict: str
) -> None:
    row = Row("group", "name", value, "us", target=target, at_least=at_least)
    assert row.verdict == verdict
    assert verdict in table.lines([row])[-1]


def test_the_spread_is_median_and_quartiles() -> None:
    assert table.spread([5.0, 1.0, 3.0, 2.0, 4.0]) == (3.0, 2.0, 4.0)
    assert table.spread([7.0]) == (7.0, 7.0, 7.0)
