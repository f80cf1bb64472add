"""The load generator plays workers over the real code, reads everything back, and says so where it is not exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artisan_monitoring.core.histogram import Cell
from benchmarks.load.play import _wrong

ROOT = Path(__file__).resolve().parent.parent.parent


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], env={**os.environ, **environment},
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fixture", "arguments"),
    [
        ("redis_server", ("--store", "redis", "--shards", "3")),
        ("postgres", ("--store", "postgres", "--own")),
        (None, ("--store", "sqlite", "--days", "0.1", "--flush-s", "600")),
    ],
)
def test_a_play_is_exact(
    fixture: str | None, arguments: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if fixture is not None:
        request.getfixturevalue(fixture)  # skips where there is no such server
    output = tmp_path / "play.json"
    fixed = ("--workers", "3", "--series", "60", "--minutes", "0.2", "--json", str(output))
    done = run("benchmarks.load", *fixed, *arguments)
    assert done.returncode == 0, done.stderr
    assert "every total and every cell is exactly what was sent" in done.stdout
    figures = json.loads(output.read_text())["figures"]
    assert figures["wrong_totals"] == figures["wrong_cells"] == figures["left_in_inbox"] == 0
    assert figures["series"] == (180 if "--own" in arguments else 60)
    assert figures["observations"] > figures["deltas"] > 0
    assert (figures["hours rolled up"] > 0) == ("--days" in arguments)


def test_what_nobody_would_wait_for_is_refused() -> None:
    done = run("benchmarks.load", "--workers", "100000", "--days", "30")
    assert done.returncode == 2
    assert "deltas are more than" in done.stderr


def test_a_wrong_total_is_found() -> None:
    cell = Cell()
    cell.add(3)
    expected = {"a": (1, 3.0)}
    assert _wrong(expected, 0, [("a", cell)]) == 0
    assert _wrong(expected, 0, []) == 1
    assert _wrong(expected, 0, [("a", cell), ("a", cell)]) == 1
    assert _wrong(expected, 0, [("a", cell), ("not sent", cell)]) == 1
    assert _wrong({"a": (1, 3.0), "b": (1, 3.0)}, 1, [("overflow", cell), ("a", cell)]) == 0
    assert _wrong({"a": (1, 3.0), "b": (1, 3.0)}, 1, [("a", cell)]) == 1


def test_a_scale_run_lays_a_history_works_and_reads(tmp_path: Path) -> None:
    output = tmp_path / "scale.json"
    done = run("benchmarks", "--quick", "--only", "scale", "--output", str(output), BENCHMARKS_SCALE="sqlite 10")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(output.read_text())["rows"]}
    assert rows["a series-day of the last 24 h"]["value"] > 1000
    assert rows["roll-up and packing of an hour, CPU"]["value"] > 0
    assert rows["requests of the last hour, all routes, CPU"]["value"] > 0
    assert not [name for name, row in rows.items() if row["verdict"] == "skipped"]
