"""A buffer and a store for the tests of the pipeline: empty before each, as they were after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from artisan_monitoring.core.guard import failures
from artisan_monitoring.pipeline.buffer import Buffer, buffer
from artisan_monitoring.pipeline.flusher import flusher


@pytest.fixture
def own_buffer() -> Buffer:
    """A buffer of the test's own: nothing else records into it."""
    return Buffer()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Empty the process' buffer and start as a process that has sent nothing."""
    buffer.reset()
    flusher.reset()
    failures.clear()
    yield
    buffer.reset()
    flusher.reset()
