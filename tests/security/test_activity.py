"""Who was active: counted per user and day, without loading a user."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from artisan_monitoring.models import UserActivity
from artisan_monitoring.testing import flush_monitoring, override_monitoring
from tests.security.site import fresh  # noqa: F401  # a fixture

pytestmark = [
    pytest.mark.django_db(databases=["default", "monitoring"]),
    pytest.mark.urls("tests.security.site"),
    pytest.mark.usefixtures("fresh"),
]


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob", password="right")


def test_requests_of_a_user_are_counted_per_day(bob):
    client = Client()
    client.force_login(bob)
    for _ in range(3):
        assert client.get("/who/").content == str(bob.pk).encode()
    flush_monitoring()
    client.get("/who/")
    flush_monitoring()
    (row,) = UserActivity.objects.all()
    assert (row.user_pk, row.requests, row.user_label) == (str(bob.pk), 4, "")
    assert row.first_seen < row.last_seen
    assert row.day == row.last_seen.date()


def test_the_user_is_never_loaded_for_it(bob, django_assert_num_queries):
    client = Client()
    client.force_login(bob)
    with django_assert_num_queries(0):
        response = client.get("/plain/")
    assert "Cookie" not in response.headers.get("Vary", "")
    flush_monitoring()
    assert not UserActivity.objects.exists()


def test_anonymous_requests_are_nobodys(bob):
    Client().get("/who/")
    flush_monitoring()
    assert not UserActivity.objects.exists()


def test_the_label_is_kept_only_if_asked_for(bob):
    client = Client()
    client.force_login(bob)
    with override_monitoring(SECURITY={"USER_LABEL": "username"}):
        client.get("/who/")
    flush_monitoring()
    assert [row.user_label for row in UserActivity.objects.all()] == ["bob"]


def test_activity_can_be_switched_off(bob):
    client = Client()
    client.force_login(bob)
    with override_monitoring(ACTIVITY=False):
        client.get("/who/")
    flush_monitoring()
    assert not UserActivity.objects.exists()
