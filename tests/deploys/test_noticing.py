"""A process tells its release once, in its own batch, and the drain marks what nobody has marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from artisan_monitoring import conf
from artisan_monitoring.deploys import noticing
from artisan_monitoring.deploys.marks import mark
from artisan_monitoring.models import Deploy, QuarantinedRecord
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.flusher import flusher
from artisan_monitoring.pipeline.purge import purge_expired
from artisan_monitoring.testing import flush_monitoring, override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


@pytest.fixture
def outside_tests(monkeypatch):
    """What a process does outside of a test run: the samplers tell nothing inside of one."""
    outside = SimpleNamespace(get_settings=conf.get_settings, in_tests=lambda: False)
    monkeypatch.setattr(noticing, "_told", None)
    monkeypatch.setattr(noticing, "conf", outside)


def test_is_a_sampler_of_the_flusher():
    assert buffer.samplers.count(noticing.tell) == 1


def test_new_release_is_marked_by_its_first_flush(outside_tests):
    with override_monitoring(RELEASE="1.4.3", ENVIRONMENT="production"):
        noticing.tell()
        noticing.tell()
        flush_monitoring()
    row = Deploy.objects.get()
    assert (row.release, row.environment, row.noticed) == ("1.4.3", "production", True)
    assert row.at == datetime.fromtimestamp(flusher.started_at, UTC)


@pytest.mark.parametrize("release", ["", "  "])
def test_without_a_release_nothing_is_told(outside_tests, release):
    before = buffer.records
    with override_monitoring(RELEASE=release):
        noticing.tell()
    assert buffer.records == before


def test_test_run_tells_nothing(monkeypatch):
    monkeypatch.setattr(noticing, "_told", None)
    before = buffer.records
    with override_monitoring(RELEASE="1.4.3"):
        noticing.tell()
    assert buffer.records == before


def record(release: str, at: float, environment: str = "test") -> dict[str, object]:
    return {"environment": environment, "release": release, "at": at}


def test_roll_out_of_many_processes_is_one_mark_at_the_first():
    now = timezone.now().timestamp()
    noticing.apply([record("1.4.3", now + number) for number in range(50, 0, -1)], using="monitoring")
    noticing.apply([record("1.4.3", now - 100)], using="monitoring")
    assert Deploy.objects.get().at.timestamp() == pytest.approx(now + 1)


def test_what_somebody_has_marked_stays():
    said = mark("1.4.3", note="new checkout").deploy
    noticing.apply([record("1.4.3", said.at.timestamp() + 60)], using="monitoring")
    row = Deploy.objects.get()
    assert (row.note, row.at, row.noticed) == ("new checkout", said.at, False)


def test_record_that_is_none_is_set_aside_and_the_others_go_on():
    for each in (record("1.4.3", 1.8e9), record("1.4.4", "soon"), {"release": "1"}):
        buffer.add_record("deploy", each)
    flush_monitoring()
    assert list(Deploy.objects.values_list("release", flat=True)) == ["1.4.3"]
    assert QuarantinedRecord.objects.filter(kind="deploy").count() == 2


def test_marks_go_with_the_roll_ups_but_for_the_one_that_may_still_run():
    now = timezone.now()
    for days, release, environment in (
        (100, "1", "test"),
        (95, "2", "test"),
        (99, "1", "staging"),
        (5, "2", "staging"),
    ):
        Deploy.objects.create(release=release, environment=environment, at=now - timedelta(days=days))
    assert purge_expired()["deploys"] == 2
    left = Deploy.objects.order_by("environment").values_list("environment", "release")
    assert list(left) == [("staging", "2"), ("test", "2")]
    with override_monitoring(RETENTION={"ROLLUPS": 3}):
        assert purge_expired()["deploys"] == 0
