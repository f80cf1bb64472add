"""What is past its retention goes, and nothing that a longer retention still keeps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.windows import DAY, floor
from artisan_monitoring.models import MetricSeries
from artisan_monitoring.pipeline.purge import purge_cells
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import override_monitoring
from tests.stores.build import added, commit, counter

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


@pytest.mark.parametrize(("kept_days", "left"), [(7, (0, 0)), (14, (1, 1))])
def test_a_series_lives_as_long_as_its_cells_may(kept_days: int, left: tuple[int, int]) -> None:
    store = get_store()
    then = store.now() - 10 * DAY
    commit(store, Delta(counter(), floor(then, 60), 60, added(1)))
    MetricSeries.objects.update(seen_at=then)

    with override_monitoring(RETENTION={"METRICS": kept_days}):
        purge_cells(datetime.now(UTC))

    series = store.series()
    cells = list(store.buckets([counter().id], then - DAY, then + DAY))
    assert (len(series), len(cells)) == left
