"""In a storm every occurrence counts, and few are rows: also from several processes at once."""

from __future__ import annotations

import multiprocessing
from collections import Counter

import pytest
from django.db import transaction

from artisan_monitoring import error_tracker
from artisan_monitoring.errors import capture, sink
from artisan_monitoring.errors.sampling import FINGERPRINTS_A_MINUTE, MORE_A_MINUTE, Sampler
from artisan_monitoring.models import ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping
from artisan_monitoring.pipeline.buffer import buffer

PROCESSES, ERRORS, PLACES = 4, 2_500, 120


class TestSampler:
    def test_first_of_a_new_error_is_kept_though_a_loud_one_has_used_the_minute_up(self):
        sampler = Sampler()
        kept = 0
        for number in range(MORE_A_MINUTE):
            for _ in range(3):
                sampler.admits(f"loud{number}", 60.0)
                kept += sampler.takes(f"loud{number}", 60.0)
        assert kept == 2 * MORE_A_MINUTE
        assert sampler.admits("new", 61.0)
        assert sampler.takes("new", 61.0)

    def test_steps_grow_over_an_hour_and_begin_again_in_the_next(self):
        sampler = Sampler()
        kept = [second for second in range(3_600) if sampler.admits("same", second) and sampler.takes("same", second)]
        assert kept == [0, 1, 2, 9, 29, 99, 299, 999, 2_999]
        assert sampler.admits("same", 3_600)
        assert sampler.takes("same", 3_600)

    def test_memory_is_bounded_by_the_minute(self):
        sampler = Sampler()
        admitted = sum(sampler.admits(f"different{number}", 60.0) for number in range(10_000))
        assert admitted == len(sampler._seen) == FINGERPRINTS_A_MINUTE


def storm(process: int, errors: int) -> list[dict]:
    """Be one worker in which every request fails, in one of many places; return the records that it would send."""
    buffer.reset()
    capture._bound.cache_clear()
    kinds = [type(f"Failure{number}", (Exception,), {}) for number in range(PLACES)]
    for number in range(errors):
        error_tracker.track_error(kinds[number % PLACES if number % 3 else 0](f"order {number} of {process}"))
    return list(buffer.swap().merged["error"].by_key.values())


@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_storm_from_four_processes_counts_exactly_and_stores_few_rows():
    context = multiprocessing.get_context("fork")
    with context.Pool(PROCESSES) as pool:
        sent = pool.starmap(storm, [(number, ERRORS) for number in range(PROCESSES)])
    assert all(len(records) == FINGERPRINTS_A_MINUTE + 1 for records in sent)
    for records in sent:
        with transaction.atomic(using="monitoring"):
            sink.apply(records, using="monitoring")
    assert sum(ErrorGroup.objects.values_list("count", flat=True)) == PROCESSES * ERRORS
    assert sum(ErrorHourlyCount.objects.values_list("count", flat=True)) == PROCESSES * ERRORS
    rows = Counter({model.__name__: model.objects.count() for model in (ErrorGroup, Grouping, ErrorEvent)})
    assert rows["ErrorGroup"] == rows["Grouping"] == FINGERPRINTS_A_MINUTE + 1
    # A minute or an hour may turn meanwhile: the bound holds for each.
    assert rows.total() + ErrorHourlyCount.objects.count() <= 2 * 500
