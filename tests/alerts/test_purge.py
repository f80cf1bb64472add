"""Alerts go some days after they resolved, in bounded batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.alerts import purge
from artisan_monitoring.alerts.purge import purge_alerts
from artisan_monitoring.models import Alert, AlertNotification

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def episode(number: int, resolved_at: datetime | None) -> Alert:
    alert = Alert.objects.create(
        rule_name="r",
        fingerprint=f"{number:032x}",
        severity="LOW",
        state="resolved" if resolved_at else "firing",
        started_at=NOW - timedelta(days=30),
        met_at=NOW - timedelta(days=30),
        resolved_at=resolved_at,
    )
    for channel in ("log", "email"):
        AlertNotification.objects.create(alert=alert, channel=channel, kind="firing", created_at=NOW, due_at=NOW)
    return alert


@pytest.mark.django_db(databases="__all__")
def test_resolved_a_week_ago_goes_and_what_fires_stays_however_old() -> None:
    old = episode(1, NOW - timedelta(days=7, seconds=1))
    kept = {episode(2, NOW - timedelta(days=6)).pk, episode(3, None).pk}
    assert purge_alerts(NOW) == 1
    assert set(Alert.objects.values_list("pk", flat=True)) == kept
    assert not AlertNotification.objects.filter(alert_id=old.pk).exists()
    assert AlertNotification.objects.count() == 4


@pytest.mark.django_db(databases="__all__")
def test_no_statement_deletes_more_than_a_batch() -> None:
    for number in range(7):
        episode(number, NOW - timedelta(days=8))
    with (
        mock.patch.object(purge, "BATCH", 3),
        CaptureQueriesContext(connections["monitoring"]) as queries,
    ):
        assert purge_alerts(NOW) == 7
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert deletes
    assert all(sql.count(",") <= 2 for sql in deletes)
    assert not Alert.objects.exists()
    assert not AlertNotification.objects.exists()
