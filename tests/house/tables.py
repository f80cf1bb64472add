"""The tables of the reference that stand in the code too. `python -m tests.house.tables` writes them into the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def settings_table() -> str:
    """Return every key with its type, default and reason."""
    from artisan_monitoring.conf import MonitoringSettings

    rows = ["| key | type | default | why |", "| --- | --- | --- | --- |"]
    return "\n".join([*rows, *_rows(MonitoringSettings, "")])


def _rows(kind: Any, prefix: str) -> Iterator[str]:
    from artisan_monitoring.conf.section import Section

    for key, each in kind.declared.items():
        made = each.made()
        name = f"{prefix}{key}"
        if isinstance(made, Section):
            yield f"| **`{name}`** | section |  | {each.reason} |"
            yield from _rows(type(made), f"{name}.")
        else:
            kind_text = re.sub(r"typing\.|collections\.abc\.", "", kind.__annotations__[key]).replace("|", "\\|")
            yield f"| `{name}` | `{kind_text}` | `{made!r}` | {each.reason} |"


def checks_table() -> str:
    """Return every system check with what it means."""
    from artisan_monitoring.checks import IDS
    from artisan_monitoring.stores.database.checks import IDS as DATABASE_IDS
    from artisan_monitoring.stores.redis.checks import IDS as REDIS_IDS

    rows = ["| id | meaning |", "| --- | --- |"]
    known = {**IDS, **DATABASE_IDS, **REDIS_IDS}
    return "\n".join([*rows, *(f"| `artisan_monitoring.{key}` | {known[key]} |" for key in sorted(known))])


TABLES = {"settings.md": settings_table, "checks.md": checks_table}


def written(page: str) -> str:
    """Return the table that stands in a page."""
    text = (REFERENCE / page).read_text()
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()


def write() -> None:
    """Put each table into its page."""
    for page, table in TABLES.items():
        path = REFERENCE / page
        text = path.read_text()
        head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        path.write_text(f"{head}\n{table()}\n{tail}")


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    write()
