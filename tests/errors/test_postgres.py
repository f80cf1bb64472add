"""The same rows on PostgreSQL, which refuses NUL and lone surrogates where SQLite takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.test import override_settings
from django.utils.datastructures import MultiValueDict

from artisan_monitoring import error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.errors import sink
from artisan_monitoring.errors.recent import recent_errors
from artisan_monitoring.errors.retention import purge
from artisan_monitoring.errors.states import Actor, State, change_state
from artisan_monitoring.models import ErrorActivity, ErrorEvent, ErrorGroup, Grouping
from tests.stores.backends import make_tables

from .test_sink import NOON, record, sample

ALIAS = "errors_postgres"
NASTY = "nul \x00, half \ud800 of a pair, \U0001f600 and 'quotes\""


@pytest.fixture(scope="module")
def postgres_tables(postgres, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        make_tables(ALIAS, postgres.settings(postgres.create_database()))
    yield
    # Health looks at every alias there is: its tests must not find this one.
    del connections[ALIAS]
    del connections.settings[ALIAS]


@pytest.fixture
def on_postgres(postgres_tables, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), override_settings(ARTISAN_MONITORING={"DATABASE": ALIAS}):
        with transaction.atomic(using=ALIAS):
            yield
            transaction.set_rollback(True, using=ALIAS)
        connections[ALIAS].close()


@pytest.mark.usefixtures("on_postgres")
class TestPostgres:
    def test_nasty_text_everywhere_is_stored(self, captured, rf):
        nasty_type = type("Nasty", (Exception,), {"__str__": lambda self: NASTY})
        request = rf.get("/")
        request._post = MultiValueDict({NASTY: [NASTY]})
        request.META["HTTP_USER_AGENT"] = request.META["QUERY_STRING"] = request.path = NASTY
        for variable in (context.request_id, context.trace_id, context.user_pk, context.client, context.task):
            variable.set(NASTY)
        with override_settings(
            ARTISAN_MONITORING={"DATABASE": ALIAS, "RELEASE": NASTY, "ENVIRONMENT": NASTY, "HOST": NASTY}
        ):
            error_tracker.track_error(nasty_type(), context={NASTY: NASTY}, request=request)
        sink.apply([json.loads(json.dumps(error.record)) for error in captured], using=ALIAS)
        event = ErrorEvent.objects.get()
        assert event.message == ErrorGroup.objects.get().message
        assert "\U0001f600" in event.message
        assert event.details["request"]["form"]
        assert Grouping.objects.get().components

    def test_counts_states_and_retention(self):
        sink.apply([record(samples=[sample()], users={"1": 1}), record(count=5)], using=ALIAS)
        sink.apply([record(samples=[sample()], at=NOON + 3600)], using=ALIAS)
        group = ErrorGroup.objects.get()
        assert (group.count, group.users) == (7, 1)
        change_state([group.pk], State.RESOLVED, Actor("1", "ann"), now=datetime.fromtimestamp(NOON + 3700, UTC))
        sink.apply([record(at=NOON + 3800)], using=ALIAS)
        assert ErrorGroup.objects.get().state == State.REGRESSED
        assert ErrorActivity.objects.count() == 2
        assert recent_errors()[0]["count"] == 8
        purge(datetime.fromtimestamp(NOON, UTC) + timedelta(days=40))
        assert not ErrorGroup.objects.exists()
