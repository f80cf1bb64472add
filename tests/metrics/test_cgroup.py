"""The memory limit of a container, read from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from artisan_monitoring.metrics.cgroup import cgroup_percent


def write(folder: Path, limit: object) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("800\n")
    (folder / "memory.stat").write_text("anon 100\ninactive_file 300\n")


def test_a_containers_limit_counts_without_file_cache(tmp_path: Path) -> None:
    write(tmp_path, 1000)
    assert cgroup_percent(tmp_path) == 50


@pytest.mark.parametrize("limit", ["max", "", "0"])
def test_a_container_without_a_limit_is_the_machine(tmp_path: Path, limit: str) -> None:
    write(tmp_path, limit)
    assert cgroup_percent(tmp_path) is None


def test_no_cgroup_at_all(tmp_path: Path) -> None:
    assert cgroup_percent(tmp_path / "nothing") is None
