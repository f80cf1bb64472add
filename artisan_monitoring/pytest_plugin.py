"""The helpers of `artisan_monitoring.testing` as pytest fixtures; pytest loads them where the package is installed.

Nothing is imported before a fixture is asked for: pytest loads plugins before Django is set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .errors.capture import Captured
    from .testing import CapturedMetrics


@pytest.fixture
def captured_metrics() -> Iterator[CapturedMetrics]:
    """The metrics recorded during the test."""
    from .testing import capture_metrics

    with capture_metrics() as captured:
        yield captured


@pytest.fixture
def captured_errors() -> Iterator[list[Captured]]:
    """The errors captured during the test, in order."""
    from .testing import capture_errors

    with capture_errors() as captured:
        yield captured


@pytest.fixture
def flush_monitoring() -> Callable[[], None]:
    """A function that flushes, drains and rolls up before it returns."""
    from .testing import flush_monitoring

    return flush_monitoring


@pytest.fixture
def override_monitoring() -> Any:
    """The context manager that changes keys of `ARTISAN_MONITORING`."""
    from .testing import override_monitoring

    return override_monitoring
