"""Security events and activity in the admin: readable, bounded in queries, and safe with what strangers wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from artisan_monitoring.admin.security import MEANINGS
from artisan_monitoring.models import SecurityEvent, UserActivity
from artisan_monitoring.security.events import SEVERITIES

pytestmark = pytest.mark.django_db(databases="__all__")
EVENTS = reverse("admin:artisan_monitoring_securityevent_changelist")
ACTIVITY = reverse("admin:artisan_monitoring_useractivity_changelist")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def event(**changes: Any) -> SecurityEvent:
    values: dict[str, Any] = {
        "event": "malicious_sqli",
        "severity": "MEDIUM",
        "rule": "sqli.tautology",
        "score": 5,
        "count": 3,
        "first_seen": NOW,
        "last_seen": NOW,
        "client": "203.0.113.0",
        "method": "GET",
        "path": "/shop/",
        "route": "shop/",
        "status": 200,
        "user_agent": "curl/8",
        "request_id": "0af1",
        "details": {
            "findings": [
                {"rule": "sqli.tautology", "score": 5, "where": "parameter", "parameter": "q", "snippet": "1' or 1=1"}
            ]
        },
    }
    return SecurityEvent.objects.create(**(values | changes))


def activity(n: int = 0) -> UserActivity:
    return UserActivity.objects.create(
        user_pk=str(n), user_label=f"Name {n}", day=NOW.date(), requests=7, first_seen=NOW, last_seen=NOW
    )


def read(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def detail(client: Client, row: SecurityEvent) -> str:
    return read(client, reverse("admin:artisan_monitoring_securityevent_change", args=[row.pk]))


def test_the_list_says_what_who_where_and_how_often(admin_client: Client) -> None:
    event()
    page = read(admin_client, EVENTS)
    for shown in ("malicious_sqli", "am-badge am-medium", "sqli.tautology", "203.0.113.0", "GET shop/", "3"):
        assert shown in page


def test_the_page_of_an_event_tells_its_meaning_and_findings(admin_client: Client) -> None:
    page = detail(admin_client, event())
    for shown in ("A parameter tries to change a database query.", "1&#x27; or 1=1", "curl/8", "0af1", "parameter"):
        assert shown in page
    assert 'name="_save"' not in page


def test_an_account_that_was_tried_is_shown_in_short(admin_client: Client) -> None:
    row = event(event="authn_login_fail", subject="0123456789abcdef" * 2, details={"failures": 4, "accounts": ["x"]})
    assert "account 01234567" in read(admin_client, EVENTS)
    assert "failures: 4" in detail(admin_client, row)


def test_what_strangers_wrote_stays_text(admin_client: Client) -> None:
    row = event(
        rule=EVIL,
        client=EVIL,
        user_pk=EVIL,
        method="<b>",
        path=EVIL,
        route=EVIL,
        user_agent=EVIL,
        request_id=EVIL,
        details={"findings": [dict.fromkeys(("rule", "score", "where", "parameter", "snippet"), EVIL)], EVIL: EVIL},
    )
    UserActivity.objects.create(user_pk=EVIL, user_label=EVIL, day=NOW.date(), first_seen=NOW, last_seen=NOW)
    pages = [read(admin_client, EVENTS), detail(admin_client, row), read(admin_client, ACTIVITY)]
    pages.append(read(admin_client, EVENTS, q=EVIL, event=EVIL))
    for page in pages:
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in pages[1]


@pytest.mark.parametrize("details", [{}, [], None, {"findings": "x"}, {"findings": [1, None]}, "text"])
def test_details_of_any_shape_are_survived(admin_client: Client, details: Any) -> None:
    assert "malicious_sqli" in detail(admin_client, event(details=details if details is not None else {"a": None}))


@pytest.mark.parametrize("url", [EVENTS, ACTIVITY])
def test_a_list_takes_the_same_few_queries_for_one_row_and_for_fifty(admin_client: Client, url: str) -> None:
    event()
    activity()
    with CaptureQueriesContext(connections["monitoring"]) as few:
        read(admin_client, url)
    for n in range(1, 60):
        event(client=f"203.0.{n}.0")
        activity(n)
    with CaptureQueriesContext(connections["monitoring"]) as many:
        read(admin_client, url)
    assert len(many) == len(few) <= 3


def test_filters_and_search_find_the_row(admin_client: Client) -> None:
    event(client="198.51.100.0")
    event(event="authn_login_fail", severity="LOW", rule="", client="192.0.2.0", details={})
    assert "198.51.100.0" not in read(admin_client, EVENTS, event="authn_login_fail")
    assert "192.0.2.0" not in read(admin_client, EVENTS, severity__exact="MEDIUM")
    assert "192.0.2.0" not in read(admin_client, EVENTS, q="198.51.100.0")
    assert "198.51.100.0" in read(admin_client, EVENTS, q="198.51.100.0")
    tomorrow = (NOW + timedelta(days=1)).isoformat()
    assert "198.51.100.0" not in read(admin_client, EVENTS, last_seen__gte=tomorrow)


def test_activity_shows_who_when_and_how_much(admin_client: Client) -> None:
    activity(5)
    page = read(admin_client, ACTIVITY)
    assert "Name 5 (5)" in page
    assert ">7<" in page


@pytest.mark.parametrize("model", ["securityevent", "useractivity"])
def test_nothing_can_be_changed_or_deleted(admin_client: Client, model: str) -> None:
    row = event() if model == "securityevent" else activity()
    assert admin_client.get(reverse(f"admin:artisan_monitoring_{model}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:artisan_monitoring_{model}_delete", args=[row.pk])).status_code == 403
    assert admin_client.post(reverse(f"admin:artisan_monitoring_{model}_change", args=[row.pk]), {}).status_code == 403


def test_staff_without_the_permission_sees_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(EVENTS).status_code == client.get(ACTIVITY).status_code == 403


def test_every_event_has_a_meaning() -> None:
    assert set(MEANINGS) == set(SEVERITIES)
