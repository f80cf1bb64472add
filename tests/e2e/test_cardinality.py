"""A tag with a hundred thousand values: the counts stay exact, memory and store stay bounded, and health says so."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from artisan_monitoring import metrics_collector
from artisan_monitoring.core.series import OVERFLOW
from artisan_monitoring.health.base import Measurement, Status
from artisan_monitoring.health.checks import river
from artisan_monitoring.metrics.queries import read
from artisan_monitoring.pipeline import selfstats
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.drain import drain
from artisan_monitoring.pipeline.flusher import Flusher, flusher
from artisan_monitoring.stores.base import Store
from artisan_monitoring.testing import override_monitoring
from tests.metrics.test_both_stores import sqlite_alias, store  # noqa: F401  # the fixtures

VALUES = 100_000
PER_METRIC = 2000
"""The default of `LIMITS["SERIES_PER_METRIC"]`."""


@pytest.fixture(autouse=True)
def _own_buffer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forget() -> None:
        buffer.reset()
        buffer.bind(PER_METRIC, 500, 10_000)
        flusher.reset()

    monkeypatch.setattr(buffer, "samplers", [])
    monkeypatch.setattr(selfstats, "_reported_at", float("-inf"))
    monkeypatch.setattr(river, "_counted_before", {})
    forget()
    yield
    forget()


def throw(first: int, last: int) -> None:
    for number in range(first, last):
        metrics_collector.increment("thrown", 1, {"session": f"{number:x}"})


def told() -> dict[str, Measurement]:
    return {each.name: each for each in river.PipelineCheck().run()}


def summed(store: Store) -> float:  # noqa: F811
    now = store.now()
    return read("thrown", now - 3600, now + 60).overall().sum


def test_a_hundred_thousand_values_of_one_tag(store: Store) -> None:  # noqa: F811
    throw(0, VALUES // 10)
    tracemalloc.start()
    try:
        throw(VALUES // 10, VALUES)
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 100_000, "nine tenths of the values have left nothing behind"
    assert buffer.registry.size == PER_METRIC

    assert flusher.flush()
    drain()

    known = store.series("thrown")
    assert len(known) == PER_METRIC + 1
    assert sum(each.cell.sum for each in store.totals("thrown")) == summed(store) == VALUES
    (overflow,) = (each.cell for each in store.totals("thrown") if each.series.tags == OVERFLOW)
    assert overflow.sum == VALUES - PER_METRIC
    assert store.losses() == {}

    found = told()["overflow"]
    assert (found.value, found.status) == (VALUES - PER_METRIC, Status.WARN)


def test_processes_that_together_go_beyond_what_a_store_takes(store: Store) -> None:  # noqa: F811
    """Each is within its own limit, and brings others: the store sends the new ones to the overflow series."""
    with override_monitoring(LIMITS={"STORE_SERIES": 3000}):
        for number in range(3):
            buffer.bind(PER_METRIC, 500, 10_000)
            throw(number * PER_METRIC, (number + 1) * PER_METRIC)
            assert Flusher().flush()
            drain()

        assert 3000 <= len(store.series("thrown")) <= 3001
        assert sum(each.cell.sum for each in store.totals("thrown")) == summed(store) == 3 * PER_METRIC
        assert store.losses() == {"store_series": 3 * PER_METRIC - 3000}
        found = told()["lost"]
        assert found.status is Status.WARN
        assert "store_series 3000" in found.output
