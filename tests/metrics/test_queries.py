"""What is asked for is complete: buckets while they live, roll-ups before, with the series the store has forgotten."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.windows import DAY, HOUR, floor
from artisan_monitoring.metrics.queries import read
from artisan_monitoring.metrics.rollup import flush_metrics
from artisan_monitoring.models import MetricBucket, MetricRollup, MetricSeries
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Store
from tests.stores.build import added, commit, counter

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


@pytest.fixture
def store() -> Store:
    return get_store()


def roll_up_and_age(store: Store, days: int, **tags: str) -> int:
    """Make an hour's roll-up as old as `days`, and let the store forget the rest; return when it was."""
    hour = floor(store.now(), HOUR) - 2 * HOUR
    commit(store, Delta(counter(**tags), hour, 60, added(2, 3)))
    flush_metrics()
    then = floor(store.now() - days * DAY, HOUR)
    MetricRollup.objects.filter(start=hour).update(start=then)
    for table in (MetricSeries, MetricBucket):
        table.objects.all().delete()
    return then


def test_a_series_that_was_silent_for_weeks_still_counts_in_the_weeks_it_spoke(store: Store) -> None:
    then = roll_up_and_age(store, 20, shop="old")
    now = store.now()
    commit(store, Delta(counter(shop="new"), floor(now, 60), 60, added(1)))

    found = read("orders", now - 30 * DAY, now + 60, step_s=HOUR, group_by=("shop",))

    assert {group: found.total(group).sum for group in found.groups} == {("old",): 5, ("new",): 1}
    assert [point.start for point in found.groups["old",]] == [then]
    assert read("orders", now - 30 * DAY, now + 60, where={"shop": "new"}).overall().sum == 1
    assert read("orders", now - 30 * DAY, now - 25 * DAY).groups == {}


def test_every_day_of_a_long_window_is_read_once(store: Store) -> None:
    for days in (9, 10, 11, 40):
        roll_up_and_age(store, days)
    now = store.now()

    assert read("orders", now - 80 * DAY, now).overall().sum == 20
