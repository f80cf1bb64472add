"""System checks of the DatabaseStore."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from artisan_monitoring.stores.database import DatabaseStore


@pytest.fixture
def aliases() -> Iterator[dict[str, Any]]:
    """A copy of the databases' settings to be changed; open connections hold on to the originals."""
    before = dict(connections.settings)
    connections.settings.update(copy.deepcopy(before))
    yield connections.settings
    connections.settings.clear()
    connections.settings.update(before)


def found(alias: str) -> set[str]:
    with override_settings(ARTISAN_MONITORING={"DATABASE": alias}):
        messages = list(DatabaseStore().check())
    assert all(message.hint for message in messages)
    return {message.id.removeprefix("artisan_monitoring.") for message in messages}


def test_a_file_and_alias_of_its_own_is_fine() -> None:
    assert found("monitoring") == set()


def test_the_file_of_the_site() -> None:
    assert found("default") == {"W101"}


def test_another_alias_on_the_same_file(aliases: dict[str, Any]) -> None:
    aliases["monitoring"]["NAME"] = aliases["default"]["NAME"]
    assert found("monitoring") == {"W101"}


@pytest.mark.parametrize(
    "changes",
    [{"NAME": ":memory:"}, {"NAME": "file:x?mode=memory&cache=shared"}, {"ENGINE": "django.db.backends.postgresql"}],
)
def test_a_database_that_is_no_file_may_be_shared(aliases: dict[str, Any], changes: dict[str, str]) -> None:
    aliases["default"].update(changes)
    assert found("default") == set()


def test_an_alias_that_is_not_there() -> None:
    assert found("nowhere") == {"E101"}


def test_without_the_router_the_tables_are_elsewhere() -> None:
    with override_settings(DATABASE_ROUTERS=[]):
        assert found("monitoring") == {"E102"}
        assert "E102" not in found("default")
