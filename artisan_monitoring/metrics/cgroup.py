"""The memory limit of the container this process runs in (Linux control groups, version 2)."""

from __future__ import annotations

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def cgroup_percent(folder: Path = CGROUP) -> float | None:
    """Return how much of a cgroup v2 memory limit is used, without reclaimable file cache; None without a limit."""
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no cgroup v2, or the limit is the word "max"
        return None
    return 100 * (used - int(stat.get("inactive_file", 0))) / limit if limit else None
