"""What the tests of errors share: what was captured, and the sink at the end of the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings

from artisan_monitoring.core import context, guard
from artisan_monitoring.errors import capture, sink, wiring

ALIAS = "monitoring"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test starts without samples taken or failures counted, and must not make the guard swallow anything."""
    wiring.connect()
    capture._bound.cache_clear()
    context.clear()
    guard.failures.clear()
    yield
    context.clear()
    assert not guard.failures


@pytest.fixture
def captured() -> Iterator[list[capture.Captured]]:
    seen: list[capture.Captured] = []
    capture.observers.append(seen.append)
    yield seen
    capture.observers.remove(seen.append)


@pytest.fixture
def store() -> Callable[..., None]:
    """A function that puts captured errors through the sink as the drain does."""

    def put(*errors: capture.Captured) -> None:
        with transaction.atomic(using=ALIAS):
            sink.apply([error.record for error in errors], using=ALIAS)

    return put


@pytest.fixture
def site() -> Iterator[None]:
    backend = {**settings.TEMPLATES[0], "DIRS": [str(Path(__file__).parent / "templates")]}
    with override_settings(ROOT_URLCONF="tests.errors.site", TEMPLATES=[backend]):
        yield
