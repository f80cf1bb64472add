"""The how-to pages say what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from artisan_monitoring.alerts.channels.base import Channel
from artisan_monitoring.alerts.defaults import DEFAULT_RULES
from artisan_monitoring.conf import resolve
from artisan_monitoring.core.rules import duration
from artisan_monitoring.schedules import beat_schedule

HOWTO = Path(__file__).parents[2] / "docs" / "howto"


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column is called `heading`."""
    lines = (HOWTO / page).read_text().splitlines()
    found = []
    for line in lines[lines.index(next(line for line in lines if line.startswith(f"| {heading} |"))) + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (HOWTO / page).read_text(), re.S)


def test_table_of_default_rules() -> None:
    table = {name: severity for name, _, severity in rows("alerts.md", "rule")}
    assert table == {rule.name: rule.severity for rule in DEFAULT_RULES}


def test_table_of_tasks() -> None:
    table = {task.strip("`"): every for task, every, _ in rows("celery.md", "task")}
    assert table.pop("artisan_monitoring.tasks.export_otlp") == '`OTLP["PERIOD_S"]`', "only where there is an endpoint"
    periods = {entry["task"]: entry["schedule"] for entry in beat_schedule().values()}
    assert table == {task: "60 s" if period == 60 else duration(period) for task, period in periods.items()}


@pytest.mark.parametrize("page", ["alerts.md", "celery.md"])
def test_snippets_are_python_and_settings_are_known(page: str) -> None:
    for block in blocks(page):
        tree = ast.parse(block)
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARTISAN_MONITORING":
                assert resolve(ast.literal_eval(node.value))[1] == []


def test_channel_of_the_page_is_a_channel() -> None:
    namespace: dict[str, object] = {}
    exec(next(block for block in blocks("alerts.md") if "class Siren" in block), namespace)  # the page's own code
    siren = namespace["Siren"]
    assert isinstance(siren, type)
    assert issubclass(siren, Channel)
    siren(pin=3)
