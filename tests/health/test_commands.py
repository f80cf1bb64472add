"""`monitoring_check`: health from the shell."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tests.health.fakes import fake

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def run(*arguments):
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("monitoring_check", *arguments, stdout=out)
    return end.value.code, out.getvalue()


@pytest.mark.parametrize(("status", "code", "mark"), [("pass", 0, "[+]"), ("warn", 1, "[!]"), ("fail", 2, "[-]")])
def test_exit_code_and_table(configure, status, code, mark):
    configure(DETAILED=["fake"], CHECKS={"fake": fake(status=status)})
    ended, text = run()
    assert ended == code
    assert text.startswith(f"{mark} fake responseTime")
    assert text.endswith(f"health: {status}\n")


def test_json(configure):
    configure(DETAILED=["fake"], CHECKS={"fake": fake()})
    ended, text = run("--json")
    assert ended == 0
    assert json.loads(text)["checks"]["fake:responseTime"][0]["observedValue"] == 1.5


def test_chosen_checks(configure):
    configure()
    ended, text = run("database", "migrations")
    assert ended == 0
    assert "database:default responseTime" in text
    assert "cpu" not in text


def test_an_unknown_check_is_said_to_be_unknown(configure):
    configure()
    ended, text = run("databse")
    assert ended == 1
    assert "there is no check 'databse'" in text
