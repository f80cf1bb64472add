"""Active alerts are read from the store, and from the rows where the store has none."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from artisan_monitoring.alerts import active, states
from artisan_monitoring.alerts.active import active_alerts, active_count, publish_active_alerts
from artisan_monitoring.alerts.evaluation import evaluate_alerts
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.models import Alert
from artisan_monitoring.stores import get_store

from .conftest import error_rule

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_evaluation_publishes_what_fires(errors: Callable[..., None]) -> None:
    error_rule()
    error_rule(name="Worse", severity="CRITICAL")
    errors(12)
    evaluate_alerts()
    note = get_store().notes("alerts")["active"].value
    assert note["count"] == 2
    found = active_alerts()
    assert [alert["rule"] for alert in found] == ["Worse", "Many errors"]
    assert found[0]["state"] == "firing"
    assert found[0]["value"] == 12
    Alert.objects.all().delete()
    assert len(active_alerts()) == active_count() == 2, "the cache is read, not the rows"


def test_resolved_alerts_leave_the_cache(errors: Callable[..., None]) -> None:
    error_rule()
    errors(12)
    evaluate_alerts()
    evaluate_alerts(get_store().now() + 420)
    assert active_alerts() == []
    assert active_count() == 0


def test_rows_are_read_while_the_cache_is_empty_or_away(host: Settings) -> None:
    decision = mock.Mock(standing="firing", value=1.0, why="so", since=1.8e9, met_at=1.8e9)
    states.open_alert(error_rule(), {}, decision)
    assert [alert["rule"] for alert in active_alerts()] == ["Many errors"]
    with mock.patch.object(type(get_store()), "notes", side_effect=StoreUnavailable("away")):
        assert len(active_alerts()) == active_count() == 1
    with mock.patch.object(type(get_store()), "set_note", side_effect=StoreUnavailable("away")):
        publish_active_alerts()


def test_the_note_is_bounded_and_the_count_is_of_all(host: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "LIMIT", 3)
    decision = mock.Mock(standing="firing", value=1.0, why="so", since=1.8e9, met_at=1.8e9)
    rule = error_rule()
    for number in range(5):
        states.open_alert(rule, {"number": str(number)}, decision)
    publish_active_alerts()
    assert len(active_alerts()) == 3
    assert active_count() == 5


def test_reading_rows_costs_one_query(host: Settings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with (
        mock.patch("artisan_monitoring.alerts.active._cached", return_value=None),
        django_assert_num_queries(1, using="monitoring"),
    ):
        active_alerts()
