"""Alerts and rules in the admin: read, acknowledge, resolve, and rules that make no sense refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from artisan_monitoring.alerts import states
from artisan_monitoring.alerts.active import active_alerts
from artisan_monitoring.core.rules import Decision, Standing
from artisan_monitoring.models import Alert, AlertNotification, AlertRule

pytestmark = pytest.mark.django_db(databases="__all__")
ALERTS = reverse("admin:artisan_monitoring_alert_changelist")
RULES = reverse("admin:artisan_monitoring_alertrule_changelist")
NEW_RULE = reverse("admin:artisan_monitoring_alertrule_add")
SENSIBLE = {
    "name": "Checkout errors",
    "enabled": "on",
    "severity": "HIGH",
    "environment": "",
    "kind": "error_count",
    "error_severity": "HIGH",
    "comparator": "gte",
    "threshold": "5",
    "minimum": "0",
    "window_s": "300",
    "for_s": "0",
    "keep_firing_for_s": "0",
}


def fire(name: str = "Many errors", **labels: str) -> Alert:
    rule, _ = AlertRule.objects.get_or_create(name=name, defaults={"kind": "error_count", "threshold": 1})
    decision = Decision(
        Standing.FIRING, True, 12.0, 12.0, 1.7e9, 1.7e9, "12 errors in 5 min; the rule says at least 1."
    )
    alert = states.open_alert(rule, labels, decision)
    assert alert is not None
    return alert


def act(client: Client, action: str, *alerts: Alert) -> Any:
    chosen = {"action": action, "_selected_action": [alert.pk for alert in alerts]}
    return client.post(ALERTS, chosen, follow=True)


def test_list_says_what_fires_how_bad_why_and_since_when(admin_client: Client) -> None:
    fire(check="database")
    page = admin_client.get(ALERTS).content.decode()
    assert "am-badge am-critical" in page
    assert "12 errors in 5 min; the rule says at least 1." in page
    assert "Many errors: database" in page
    assert "Nov 14, 22:13" in page


def test_page_of_an_alert_shows_what_was_told(admin_client: Client) -> None:
    alert = fire()
    AlertNotification.objects.update(state="failed", error="SMTPServerDisconnected: gone")
    page = admin_client.get(reverse("admin:artisan_monitoring_alert_change", args=[alert.pk])).content.decode()
    assert "SMTPServerDisconnected: gone" in page
    assert 'type="submit"' not in page.replace('<button type="submit">Log out', "")


def test_acknowledge_and_resolve_carry_the_persons_name(admin_client: Client, admin_user: User) -> None:
    alert = fire()
    response = act(admin_client, "acknowledge_selected", alert)
    assert "1 alert acknowledged." in response.content.decode()
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by, alert.acknowledged_by_pk) == (
        "acknowledged",
        admin_user.username,
        str(admin_user.pk),
    )
    assert active_alerts()[0]["state"] == "acknowledged"
    assert "1 alert resolved." in act(admin_client, "resolve_selected", alert).content.decode()
    alert.refresh_from_db()
    assert (alert.state, alert.resolved_by) == ("resolved", admin_user.username)
    assert active_alerts() == []
    assert AlertNotification.objects.filter(kind="resolved").count() == 1


def test_acting_again_changes_nothing_and_says_so(admin_client: Client) -> None:
    alert = fire()
    act(admin_client, "resolve_selected", alert)
    assert "0 alerts resolved." in act(admin_client, "resolve_selected", alert).content.decode()
    assert "0 alerts acknowledged." in act(admin_client, "acknowledge_selected", alert).content.decode()
    assert Alert.objects.get().version == 2


def test_who_may_only_read_is_offered_no_action(client: Client) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_alert"))
    client.force_login(reader)
    alert = fire()
    assert "acknowledge_selected" not in client.get(ALERTS).content.decode()
    act(client, "acknowledge_selected", alert)
    assert Alert.objects.get().state == "firing"


def test_alerts_can_be_neither_added_nor_deleted(admin_client: Client) -> None:
    alert = fire()
    assert admin_client.get(reverse("admin:artisan_monitoring_alert_add")).status_code == 403
    assert admin_client.post(reverse("admin:artisan_monitoring_alert_delete", args=[alert.pk])).status_code == 403


@pytest.mark.parametrize("page", ["alert", "alertrule", "alertnotification"])
def test_lists_cost_the_same_queries_for_one_row_and_for_fifty(admin_client: Client, page: str) -> None:
    url = reverse(f"admin:artisan_monitoring_{page}_changelist")
    fire("Rule 0")
    with CaptureQueriesContext(connections["monitoring"]) as few:
        assert admin_client.get(url).status_code == 200
    for number in range(1, 50):
        fire(f"Rule {number}")
    with CaptureQueriesContext(connections["monitoring"]) as many:
        assert admin_client.get(url).status_code == 200
    assert len(many) == len(few) <= 8


def test_filters_and_search_answer(admin_client: Client) -> None:
    fire("Shown")
    states.resolve(fire("Hidden"), 1.7e9 + 60)
    page = admin_client.get(ALERTS, {"state__exact": "firing", "q": "Shown"}).content.decode()
    assert "Shown" in page
    assert "Hidden" not in page


def test_rule_is_made_in_the_admin(admin_client: Client) -> None:
    response = admin_client.post(NEW_RULE, SENSIBLE)
    assert response.status_code == 302, response.context["adminform"].form.errors
    rule = AlertRule.objects.get(name="Checkout errors")
    assert (rule.source, rule.threshold, rule.enabled) == ("admin", 5, True)
    page = admin_client.get(RULES).content.decode()
    assert "at least 5 high in 5 min" in page


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("threshold", {"threshold": "0"}),
        ("threshold", {"threshold": "-1", "comparator": "gt"}),
        ("threshold", {"threshold": "nan"}),
        ("threshold", {"kind": "error_rate", "threshold": "5", "minimum": "50", "error_severity": ""}),
        ("minimum", {"kind": "error_rate", "threshold": "0.05", "error_severity": ""}),
        ("error_severity", {"kind": "health"}),
        ("window_s", {"window_s": "59"}),
        ("window_s", {"window_s": "90"}),
        ("window_s", {"window_s": "86460"}),
        ("for_s", {"for_s": "86401"}),
        ("keep_firing_for_s", {"keep_firing_for_s": "86401"}),
        ("name", {"name": ""}),
    ],
)
def test_rules_that_make_no_sense_are_refused_in_their_field(
    admin_client: Client, field: str, changes: dict[str, str]
) -> None:
    response = admin_client.post(NEW_RULE, SENSIBLE | changes)
    assert list(response.context["adminform"].form.errors) == [field]
    assert not AlertRule.objects.filter(name="Checkout errors").exists()


def test_name_is_unique(admin_client: Client) -> None:
    admin_client.post(NEW_RULE, SENSIBLE)
    response = admin_client.post(NEW_RULE, SENSIBLE)
    assert list(response.context["adminform"].form.errors) == ["name"]


def test_duration_of_what_is_over_stands_still(admin_client: Client) -> None:
    alert = fire()
    states.resolve(alert, 1.7e9 + 90)
    assert alert.resolved_at == datetime.fromtimestamp(1.7e9 + 90, UTC)
    assert "1 min 30 s" in admin_client.get(ALERTS).content.decode()
