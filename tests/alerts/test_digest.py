"""The digest: what is new, what came back, what is loud; once a period however many workers there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.alerts import digest
from artisan_monitoring.alerts.digest import send_digest
from artisan_monitoring.errors.states import Actor, State, change_state
from artisan_monitoring.models import ErrorDigest, ErrorGroup
from tests.errors.test_sink import apply, record

pytestmark = pytest.mark.django_db(databases="__all__")

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)
"""A Wednesday; the last day ended at 07:00."""
END = datetime(2026, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def use(settings) -> Iterator:
    def chosen(period: str = "daily", **errors):
        settings.ARTISAN_MONITORING = {
            **django_settings.ARTISAN_MONITORING,
            "SERVICE": "shop",
            "ENVIRONMENT": "production",
            "ALERTS": {"EMAIL_TO": ["team@example.com"], "BASE_URL": "https://shop.example"},
            "ERRORS": {"DIGEST": period, **errors},
        }

    settings.ROOT_URLCONF = "tests.urls"
    chosen()
    return chosen


def happen(fingerprint: str, hours_before_end: float, count: int = 1, **changes) -> None:
    at = (END - timedelta(hours=hours_before_end)).timestamp()
    hours = {str(int(at // 3600) * 3600): count}
    apply(record(fingerprint * 64, at=at, count=count, hours=hours, **changes))


def group(fingerprint: str) -> ErrorGroup:
    return ErrorGroup.objects.get(groupings__hash=fingerprint * 64)


def letter() -> mail.EmailMultiAlternatives:
    assert send_digest(NOW)
    (found,) = mail.outbox
    return found


class TestContent:
    def test_tells_new_regressed_and_noisiest_against_the_period_before(self, use):
        happen("a", 30, 5, type="shop.Old")
        change_state([group("a").pk], State.RESOLVED, Actor(), now=END - timedelta(hours=28))
        happen("a", 4, 20, type="shop.Old")
        happen("b", 3, 7, type="shop.New")
        found = letter()
        assert found.subject == "Errors, daily: 1 new, 1 regressed (shop, production)"
        assert found.to == ["team@example.com"]
        assert "27 errors from Tue 2026-05-05 07:00 to Wed 2026-05-06 07:00; 5 in the day before." in found.body
        new, rest = found.body.split("REGRESSED")
        regressed, noisiest = rest.split("NOISIEST")
        assert "shop.New: x" in new
        assert "7 times, none before" in new
        assert "20 times, 5 before" in regressed
        assert noisiest.index("shop.Old") < noisiest.index("shop.New")
        assert f"https://shop.example/admin/artisan_monitoring/errorgroup/{group('b').pk}/change/" in found.body

    def test_what_came_after_the_period_is_the_next_ones(self, use):
        happen("a", 1)
        happen("b", -0.5)
        assert "1 new" in letter().subject

    def test_muted_groups_are_not_told(self, use):
        happen("a", 2, 50, type="shop.Quiet")
        happen("b", 2, type="shop.Loud")
        change_state([group("a").pk], State.MUTED, Actor())
        assert "shop.Quiet" not in letter().body
        assert "51 errors" in mail.outbox[0].body

    def test_lists_ten_and_says_how_many_more(self, use):
        for fingerprint in "0123456789ab":
            happen(fingerprint, 2)
        assert "and 2 more" in letter().body

    def test_hostile_text_is_text_in_both_parts(self, use):
        payload = "<img src=x onerror=alert(1)>\r\nBcc: all@example.com"
        happen("a", 2, type=payload[:28], message=payload, culprit=payload)
        found = letter()
        assert "<img" not in found.alternatives[0][0]
        assert "\nBcc:" not in found.body.replace("\r", "\n")
        assert "\n" not in found.subject

    def test_number_of_queries_does_not_grow(self, use):
        counts = []
        for fingerprints in ("a", "bcdef0123"):
            for fingerprint in fingerprints:
                happen(fingerprint, 2)
            with CaptureQueriesContext(connections["monitoring"]) as queries:
                digest.digest_of(END - timedelta(days=1), END)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 11


class TestOnce:
    def test_sent_once_a_period(self, use):
        happen("a", 2)
        assert send_digest(NOW)
        assert not send_digest(NOW + timedelta(hours=1))
        assert len(mail.outbox) == 1
        happen("b", -3)
        assert send_digest(NOW + timedelta(days=1))
        assert len(mail.outbox) == 2

    def test_off_by_default_and_weekly_on_monday(self, use):
        happen("a", 2)
        use("off")
        assert not send_digest(NOW)
        use("weekly")
        assert not send_digest(NOW)  # the week that is over had no errors
        assert send_digest(NOW + timedelta(days=7))
        assert mail.outbox[0].subject.startswith("Errors, weekly: 1 new")

    def test_nothing_to_tell_sends_nothing_unless_asked(self, use):
        assert not send_digest(NOW)
        assert ErrorDigest.objects.get().sent_at == NOW
        use(DIGEST_EMPTY=True)
        assert send_digest(NOW + timedelta(days=1))
        assert "nothing new" in mail.outbox[0].subject

    def test_second_worker_leaves_it_to_the_first(self, use):
        happen("a", 2)
        with mock.patch.object(digest, "_post", side_effect=lambda letter: send_digest(NOW)) as post:
            send_digest(NOW)
        assert post.call_count == 1

    def test_worker_that_died_is_replaced_and_if_it_only_slept_does_not_send_too(self, use):
        happen("a", 2)
        original = digest.digest_of

        def slow(begin, end):
            """Sleep half an hour, in which another worker takes over and sends."""
            with mock.patch.object(digest, "digest_of", original):
                assert send_digest(NOW + timedelta(minutes=30))
            return original(begin, end)

        with mock.patch.object(digest, "digest_of", slow):
            assert not send_digest(NOW)
        assert len(mail.outbox) == 1

    def test_failing_mail_server_is_tried_again_but_not_for_ever(self, use):
        happen("a", 2)
        with mock.patch.object(digest, "post", side_effect=ConnectionError):
            for quarter in range(20):
                now = NOW + timedelta(minutes=16 * quarter)
                if ErrorDigest.objects.filter(attempts=5).exists():
                    assert not send_digest(now)
                else:
                    with pytest.raises(ConnectionError):
                        send_digest(now)
        assert ErrorDigest.objects.get().attempts == 5

    def test_nobody_to_send_to_is_said(self, use, settings):
        happen("a", 2)
        settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "ALERTS": {}}
        settings.ADMINS = []
        with pytest.raises(ValueError, match="no recipients"):
            send_digest(NOW)
