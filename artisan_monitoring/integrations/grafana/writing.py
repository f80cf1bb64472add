"""Writing the dashboards to files, for Grafana to import or to provision."""

from __future__ import annotations

import json
from pathlib import Path

from .dashboards import DASHBOARDS


def write(directory: Path) -> list[Path]:
    """Write one JSON file a dashboard into a directory, which is made; return the files. Raise `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for dashboard in DASHBOARDS:
        path = directory / f"artisan-{dashboard.name}.json"
        path.write_text(json.dumps(dashboard.as_json(), indent=2) + "\n", encoding="utf-8")
        written.append(path)
    return written
