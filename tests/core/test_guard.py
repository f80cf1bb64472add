"""The guard swallows what fails, counts it, and tells once a minute."""

from __future__ import annotations

import asyncio
import logging

import pytest

from artisan_monitoring.core import guard


def test_a_guarded_function_returns_its_default_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    @guard.never_raises("test.function", default=7)
    def broken() -> int:
        raise ValueError("no")

    before = guard.failures["test.function"]
    with caplog.at_level(logging.WARNING, "artisan_monitoring"):
        results = [broken(), broken()]

    assert results == [7, 7]
    assert guard.failures["test.function"] == before + 2
    assert len([each for each in caplog.records if "test.function" in each.getMessage()]) == 1


def test_cancellation_and_exit_pass_through() -> None:
    for kind in (asyncio.CancelledError, SystemExit, KeyboardInterrupt):
        with pytest.raises(kind), guard.guarded("test.block"):
            raise kind


def test_a_guarded_block_goes_on() -> None:
    with guard.guarded("test.block"):
        raise RuntimeError
    assert guard.failures["test.block"]
