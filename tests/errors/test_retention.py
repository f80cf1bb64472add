"""What is older than promised goes, what is not stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import pytest
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.errors import retention
from artisan_monitoring.errors.retention import purge
from artisan_monitoring.models import ErrorEvent, ErrorGroup, ErrorHourlyCount, ErrorRelease, Grouping

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


def limited(samples: int):
    settings = {"DATABASE": "monitoring", "LIMITS": {"ERROR_SAMPLES": samples}}
    return override_settings(ARTISAN_MONITORING=settings)


def stream(fingerprint: str, count: int, *, age_hours: float = 1.0, batch: int = 20) -> None:
    """Put samples of one group through the sink, as drains of a noisy error do."""
    at = (NOW - timedelta(hours=age_hours)).timestamp()
    for start in range(0, count, batch):
        numbers = range(start, min(start + batch, count))
        samples = [{**sample(uuid5(NAMESPACE_OID, f"{fingerprint}{n}").hex), "at": at + n / 100} for n in numbers]
        apply(record(fingerprint * 64, at=at, samples=samples, count=len(samples)))


def kept(fingerprint: str) -> int:
    return ErrorEvent.objects.filter(group__groupings__hash=fingerprint * 64).count()


def test_noisy_group_pays_and_rare_ones_keep_all_they_have():
    for rare in "abcde":
        stream(rare, 2, age_hours=2)
    stream("f", 600)
    with limited(100):
        assert purge(NOW) == 510
    assert [kept(rare) for rare in "abcde"] == [2] * 5
    assert kept("f") == 90
    assert ErrorGroup.objects.get(groupings__hash="f" * 64).count == 600


def test_what_is_left_of_a_noisy_group_is_spread_over_its_time():
    stream("f", 800)
    with limited(80):
        purge(NOW)
    times = sorted(ErrorEvent.objects.values_list("occurred_at", flat=True))
    span = timedelta(seconds=8)
    quarters = [
        sum(times[0] + span * n / 4 <= time < times[0] + span * (n + 1) / 4 for time in times) for n in range(4)
    ]
    assert min(quarters) >= 5


def test_sample_that_changed_a_state_is_evicted_last():
    stream("f", 200)
    ErrorEvent.objects.filter(irrelevance__gte=8).update(keep=True)
    marked = ErrorEvent.objects.filter(keep=True).count()
    assert 20 < marked < 150
    with limited(marked):
        purge(NOW)
    assert ErrorEvent.objects.filter(keep=True).count() == marked == ErrorEvent.objects.count()
    with limited(5):
        purge(NOW)
    assert ErrorEvent.objects.count() == 5


def test_of_equal_samples_the_older_ones_go():
    stream("a", 1, age_hours=400)
    stream("b", 1, age_hours=1)
    ErrorEvent.objects.update(keep=False)
    with limited(1):
        purge(NOW)
    assert (kept("a"), kept("b")) == (0, 1)


def test_within_the_limit_nothing_is_evicted_and_only_counted():
    stream("f", 30)
    with limited(30):
        assert purge(NOW) == 0


def test_batches_are_bounded(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 40)
    stream("f", 300)
    with limited(100), CaptureQueriesContext(connections["monitoring"]) as queries:
        assert purge(NOW) == 200
    deletes = [q["sql"] for q in queries if q["sql"].startswith('DELETE FROM "artisan_monitoring_errorevent"')]
    assert len(deletes) >= 5
    assert max(sql.count(",") for sql in deletes) < 40


def test_release_goes_after_a_year_unless_a_group_speaks_of_it():
    put("b", 1, "2")
    for name in ("0.1", "0.2"):
        ErrorRelease.objects.create(name=name, first_seen=NOW - timedelta(days=400))
    ErrorGroup.objects.update(resolved_release="0.2")
    purge(NOW)
    assert set(ErrorRelease.objects.values_list("name", flat=True)) == {"0.2", "1.0"}
