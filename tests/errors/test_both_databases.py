"""States, search, digest and eviction on SQLite and PostgreSQL alike, and a person who decides while the drain adds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.db.models import F
from django.test import override_settings

from artisan_monitoring.errors import finding, retention, sink
from artisan_monitoring.errors.digest import digest_of
from artisan_monitoring.errors.shares import tags_of
from artisan_monitoring.errors.states import Actor, Resolution, State, Terms, change_state
from artisan_monitoring.models import ConsumerCursor, ErrorActivity, ErrorEvent, ErrorGroup
from tests.stores.backends import make_tables

from .test_sink import NOON, record, sample

ALIAS = "errors_postgres"


@pytest.fixture(params=["sqlite", "postgres"])
def alias(request, django_db_blocker) -> Iterator[str]:
    """The alias of a database of each kind, emptied afterwards."""
    if request.param == "sqlite":
        request.getfixturevalue("transactional_db")
        with override_settings(ARTISAN_MONITORING={"DATABASE": "monitoring"}):
            yield "monitoring"
        ErrorGroup.objects.using("monitoring").all().delete()
        return
    postgres = request.getfixturevalue("postgres")
    with django_db_blocker.unblock():
        make_tables(ALIAS, postgres.settings(postgres.create_database()))
        try:
            with override_settings(ARTISAN_MONITORING={"DATABASE": ALIAS}):
                yield ALIAS
        finally:
            connections[ALIAS].close()
            # Health looks at every alias there is: its tests must not find this one.
            del connections[ALIAS]
            del connections.settings[ALIAS]


pytestmark = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


def apply(alias: str, *records: dict) -> None:
    """Add records as the drain does: it moves its cursor first, and so holds SQLite's lock before it reads."""
    with transaction.atomic(using=alias):
        ConsumerCursor.objects.using(alias).update(position=F("position"))
        sink.apply(records, using=alias)


def test_found_by_words_and_alike(alias):
    tagged = {**sample("a" * 32), "details": {"exception": [], "tags": {"tenant": "North"}}}
    apply(alias, record("a" * 64, samples=[tagged]), record("b" * 64, message="Ärger 100% of it\\"), record("c" * 64))
    first = ErrorGroup.objects.get(groupings__hash="a" * 64)
    assert [group.pk for group in finding.find(words="tenant=north VALUEERROR")] == [first.pk]
    assert [len(finding.find(words=words)) for words in ("100%", "ärger", "_", "it\\", "%")] == [1, 1, 0, 1, 1]
    assert first.pk not in {group.pk for group in finding.similar(first)}
    assert len(finding.similar(first)) == 2
    assert [tag.name for tag in tags_of(first)[0]] == ["tenant"]


def test_regression_digest_and_eviction(alias):
    samples = [sample(f"{n:032x}") for n in range(20)]
    apply(alias, record(release="1.0", samples=samples))
    (pk,) = ErrorGroup.objects.values_list("pk", flat=True)
    noon = datetime.fromtimestamp(NOON, UTC)
    terms = Terms(resolution=Resolution.NEXT, release="1.0")
    assert change_state([pk], State.RESOLVED, Actor("1", "ann"), terms=terms, now=noon) == 1
    apply(alias, record(at=NOON + 3600, release="1.1"))
    assert ErrorGroup.objects.get().state == State.REGRESSED
    digest = digest_of(noon - timedelta(hours=12), noon + timedelta(hours=12))
    assert (digest.new.total, digest.regressed.total, digest.count) == (1, 1, 2)
    with override_settings(ARTISAN_MONITORING={"DATABASE": alias, "LIMITS": {"ERROR_SAMPLES": 5}}):
        assert retention.purge(noon + timedelta(days=1)) == 15
    assert ErrorEvent.objects.filter(keep=True).count() == 1


def test_person_and_drain_at_the_same_time_lose_nothing(alias):
    """Whoever comes first, the other waits: each occurrence is counted, and each change is written down once."""
    apply(alias, record())
    (pk,) = ErrorGroup.objects.values_list("pk", flat=True)
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def repeatedly(act) -> None:
        try:
            start.wait(10)
            for step in range(8):
                act(step)
        except BaseException as exc:
            failures.append(exc)
        finally:
            connections[alias].close()

    def decide(step: int) -> None:
        state = State.RESOLVED if step % 2 else State.MUTED
        change_state([pk], state, Actor("1", "ann"), now=datetime.fromtimestamp(NOON + 10**6, UTC))

    threads = [threading.Thread(target=repeatedly, args=(act,)) for act in (
        lambda step: apply(alias, record(at=NOON + step)), decide,
    )]  # fmt: skip
    for thread in threads:
        thread.start()
    start.wait(10)
    for thread in threads:
        thread.join(30)
    assert failures == []
    group = ErrorGroup.objects.get()
    assert (group.count, group.state) == (9, State.RESOLVED)
    assert ErrorActivity.objects.count() == 8
