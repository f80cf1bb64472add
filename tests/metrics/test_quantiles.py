"""Percentiles against numpy's on the raw values, wherever the cells come from: minutes, ten minutes, roll-ups."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.windows import DAY, HOUR, MINUTE, floor
from artisan_monitoring.metrics.queries import read
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.models import MetricBucket, MetricSeries
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Store
from artisan_monitoring.testing import override_monitoring
from tests.stores.backends import empty_tables
from tests.stores.build import commit, distribution, observed

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
FINE, COARSE = 0.011, 0.022
NODES = 3

durations = st.floats(1e-4, 60).map(lambda value: round(value, 9))
places = st.tuples(st.integers(0, 119), st.integers(0, NODES - 1))
"""A minute of two hours, and a node."""

observations = st.lists(st.tuples(places, st.lists(durations, min_size=1, max_size=30)), min_size=1, max_size=12)
windows = st.tuples(st.integers(0, 119), st.integers(1, 120)).filter(lambda pair: pair[0] < pair[1])
Raw = dict[tuple[int, int], list[float]]


def put(store: Store, begin: int, given_observations: list) -> Raw:
    """Store observations as the drain would, and return them by minute and node."""
    empty_tables("monitoring")
    raw: Raw = {}
    for place, values in given_observations:
        raw.setdefault(place, []).extend(values)
    deltas = [
        Delta(distribution(node=str(node)), begin + minute * MINUTE, 60, observed(*values))
        for (minute, node), values in raw.items()
    ]
    commit(store, *deltas)
    return raw


def compare(raw: Raw, begin: int, first: int, last: int, bound: float) -> None:
    """Compare a window's percentiles over all nodes and of each, its count and extremes, with those of raw values."""
    found = read("duration", begin + first * MINUTE, begin + last * MINUTE, step_s=MINUTE, group_by=("node",))
    inside = {place: values for place, values in raw.items() if first <= place[0] < last}
    cells = {None: found.overall(), **{node: found.total((str(node),)) for node in range(NODES)}}
    for node, cell in cells.items():
        values = [each for place, some in inside.items() if node in (None, place[1]) for each in some]
        assert cell.count == len(values)
        if values:
            assert (cell.min, cell.max) == (min(values), max(values))
            assert cell.sum == pytest.approx(sum(values))
        for q in QUANTILES if values else ():
            assert cell.quantile(q) == pytest.approx(numpy.quantile(values, q, method="inverted_cdf"), rel=bound)


@pytest.fixture
def begin() -> int:
    """The start of two hours that are closed."""
    return floor(get_store().now(), HOUR) - 4 * HOUR


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given_observations=observations, window=windows)
def test_every_resolution_is_exact_to_its_slots(begin: int, given_observations: list, window: tuple) -> None:
    store = get_store()
    raw = put(store, begin, given_observations)
    compare(raw, begin, *window, FINE)
    for hour in (begin, begin + HOUR):
        store.pack_hour(hour, coarse=False)
    compare(raw, begin, *window, FINE)
    for hour in (begin, begin + HOUR):
        store.pack_hour(hour)
    compare(raw, begin, window[0] // 10 * 10, -(-window[1] // 10) * 10, COARSE)
    flush_metrics()
    for table in (MetricSeries, MetricBucket):
        table.objects.all().delete()
    with override_monitoring(RETENTION={"METRICS": 0}):
        compare(raw, begin, window[0] // 60 * 60, -(-window[1] // 60) * 60, COARSE)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.lognormvariate(-3, 1.0),
        lambda rng: rng.choice([rng.gauss(0.02, 0.002), rng.gauss(2.0, 0.1)]),
        lambda rng: 0.005 * (1 + rng.paretovariate(1.5)),
        lambda rng: rng.uniform(0.001, 0.5),
        lambda rng: 0.25,
    ],
    ids=["lognormal", "two humps", "heavy tail", "even", "one value"],
)
def test_of_ten_thousand_requests_as_sites_have_them(begin: int, draw: Callable[[random.Random], float]) -> None:
    rng, store = random.Random(7), get_store()
    drawn = [(place, [abs(draw(rng)) for _ in range(28)]) for place in
             ((minute, node) for minute in range(120) for node in range(NODES))]  # fmt: skip
    raw = put(store, begin, drawn)
    compare(raw, begin, 3, 117, FINE)
    store.pack_hour(begin)
    store.pack_hour(begin + HOUR)
    compare(raw, begin, 0, 120, COARSE)


def test_a_window_over_minutes_ten_minutes_and_roll_ups_is_one(begin: int) -> None:
    store, rng = get_store(), random.Random(3)
    hours = [floor(store.now(), HOUR) - back * DAY for back in (9, 3, 0)]
    values = [[rng.lognormvariate(-3, 0.8) for _ in range(400)] for _ in hours]
    for hour, some in zip(hours, values, strict=True):
        commit(store, Delta(distribution(), hour, 60, observed(*some)))
    flush_metrics()
    store.pack_hour(hours[1])
    found = read("duration", hours[0], store.now() + MINUTE).overall()
    everything = [each for some in values for each in some]
    assert found.count == 1200
    for q in QUANTILES:
        assert found.quantile(q) == pytest.approx(numpy.quantile(everything, q, method="inverted_cdf"), rel=COARSE)
