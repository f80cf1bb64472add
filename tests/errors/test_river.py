"""From the exception to the row, through buffer, inbox and drain; counts exact over threads."""

from __future__ import annotations

import threading

import pytest
from django.test import Client

from artisan_monitoring import error_tracker
from artisan_monitoring.errors.states import Actor, Resolution, State, Terms, change_state
from artisan_monitoring.models import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.testing import capture_metrics, flush_monitoring, override_monitoring

from .test_capture import raised


@pytest.fixture(autouse=True)
def empty_buffer():
    buffer.swap()
    yield
    buffer.swap()


@pytest.mark.usefixtures("site")
@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_failing_view_becomes_a_group_with_samples_and_exact_counts():
    with override_monitoring(IN_TESTS=True, HOUSEKEEPING="off"):
        client = Client(raise_request_exception=False)
        for number in range(20):
            assert client.get(f"/orders/{number}/").status_code == 500
        flush_monitoring()
    group = ErrorGroup.objects.get()
    assert (group.type, group.count) == ("LookupError", 20)
    assert ErrorHourlyCount.objects.get().count == 20
    assert ErrorEvent.objects.count() == 4


@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_errors_of_many_threads_are_all_counted():
    def work() -> None:
        for _ in range(250):
            error_tracker.track_error(raised(ValueError("from a thread")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    with override_monitoring(IN_TESTS=True, HOUSEKEEPING="off"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        flush_monitoring()
    assert ErrorGroup.objects.get().count == 2000


def test_each_error_is_counted_by_severity_for_the_alerts():
    with capture_metrics() as metrics:
        error_tracker.track_error(raised(ValueError("x")), "CRITICAL")
        error_tracker.track_error(raised(ValueError("y")))
    assert metrics.sum("artisan.errors", severity="CRITICAL", mechanism="track_error") == 1
    assert metrics.sum("artisan.errors", severity="MEDIUM") == 1


def fail(release: str) -> None:
    """Serve a request that fails, in a process of this release, and let it arrive."""
    with override_monitoring(IN_TESTS=True, HOUSEKEEPING="off", RELEASE=release):
        assert Client(raise_request_exception=False).get("/orders/1/").status_code == 500
        flush_monitoring()


@pytest.mark.usefixtures("site")
@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_error_resolved_in_the_next_release_comes_back_in_it_and_not_before():
    fail("1.0")
    group = ErrorGroup.objects.get()
    terms = Terms(resolution=Resolution.NEXT, release="1.0")
    assert change_state([group.pk], State.RESOLVED, Actor("1", "ann"), terms=terms) == 1
    for release, state, count in (("1.0", State.RESOLVED, 2), ("1.1", State.REGRESSED, 3), ("1.1", State.REGRESSED, 4)):
        fail(release)
        group.refresh_from_db()
        assert (group.state, group.count) == (state, count)
    regressions = ErrorActivity.objects.filter(kind=ErrorActivity.Kind.REGRESSED)
    assert [each.reason for each in regressions] == ["It happened in 1.1, after 1.0."]
    assert group.search.split("\n")[3:], "files of the project's own frames are found"
