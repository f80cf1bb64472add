"""The how-to page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission

from artisan_monitoring.core.rules import duration
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.models import Overview

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "overview.md").read_text()


def first_two(heading: str) -> list[tuple[str, str]]:
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [(row.split("|")[1].strip(" `"), row.split("|")[2].strip()) for row in table]


def test_table_of_windows():
    slots = [(span.key, f"{span.length_s // span.step_s} of {duration(span.step_s)}") for span in SPANS.values()]
    assert first_two("window") == slots


@pytest.mark.django_db(databases="__all__")
def test_permissions_exist():
    named = {name for name, _ in first_two("permission")}
    assert len(named) == 7
    assert set(Permission.objects.filter(codename__in=named).values_list("codename", flat=True)) == named


def test_snippet_registers_the_page():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    site = AdminSite(name="mine")
    exec(code, {"my_site": site})
    assert site.is_registered(Overview)
