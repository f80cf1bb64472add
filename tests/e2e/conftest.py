"""A prepared shop on SQLite, made once, and copies of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.servers import Site, copy_of


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the migrated and seeded databases of the shop."""
    directory = tmp_path_factory.mktemp("prepared")
    Site(directory).prepare()
    return directory


@pytest.fixture
def new_site(prepared: Path, tmp_path: Path) -> Callable[..., Site]:
    """A function that makes a deployment on a copy of the prepared files: `new_site(FLUSH_INTERVAL_S=0.2)`."""
    made = 0

    def new(monitoring: dict[str, Any] | None = None, **more: str) -> Site:
        nonlocal made
        made += 1
        return Site(copy_of(prepared, tmp_path / str(made)), monitoring, **more)

    return new
