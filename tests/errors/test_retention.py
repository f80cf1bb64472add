"""What is older than promised goes, what is not stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from artisan_monitoring.errors.retention import purge
from artisan_monitoring.models import ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping

from .test_sink import apply, record, sample

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

NOW = datetime(2026, 6, 30, tzinfo=UTC)


def put(fingerprint: str, age_days: int, event_id: str) -> None:
    at = (NOW - timedelta(days=age_days)).timestamp()
    apply(record(fingerprint * 64, at=at, samples=[{**sample(event_id * 32), "at": at}]))


def test_groups_past_retention_go_with_all_that_hangs_on_them():
    put("a", 31, "1")
    put("b", 29, "2")
    assert purge(NOW) > 0
    assert [each.hash[0] for each in Grouping.objects.all()] == ["b"]
    assert (ErrorGroup.objects.count(), ErrorEvent.objects.count(), ErrorHourlyCount.objects.count()) == (1, 1, 1)
    assert purge(NOW) == 0


def test_old_samples_of_a_living_group_go_and_its_count_stays():
    put("a", 31, "1")
    put("a", 1, "2")
    purge(NOW)
    assert ErrorGroup.objects.get().count == 2
    assert ErrorEvent.objects.get().event_id.hex == "2" * 32


def test_retention_is_a_setting():
    put("a", 8, "1")
    with override_settings(ARTISAN_MONITORING={"DATABASE": "monitoring", "RETENTION": {"ERRORS": 7}}):
        purge(NOW)
    assert not ErrorGroup.objects.exists()
