"""The database checks, against SQLite files, a real PostgreSQL, one that hangs, and one that was never migrated."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from artisan_monitoring.health import registry
from artisan_monitoring.health.base import Status
from artisan_monitoring.health.checks import databases
from artisan_monitoring.health.checks.databases import DatabaseCheck, MigrationsCheck, database_checks
from artisan_monitoring.health.prober import prober


@pytest.fixture(autouse=True)
def _only_the_sites_own(monkeypatch, django_db_setup):
    """Leave out the aliases that other packages of tests have added for the session, on servers of theirs."""
    own = {name: connections.settings[name] for name in ("default", "monitoring")}
    monkeypatch.setattr(connections, "settings", own)


@pytest.fixture(autouse=True)
def _unblocked(django_db_setup, django_db_blocker):
    """Open all databases: the mark django_db would forbid the aliases that a test adds."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


def ask(check, budget_s=10.0):
    return prober.collect([check], max_age_s=0.0, budget_s=budget_s)[0]


@pytest.fixture
def alias():
    """A function that adds a database alias for the time of the test."""
    added = []

    def add(name, options):
        connections.settings[name] = {**connections.settings["default"], "OPTIONS": {}, **options}
        added.append(name)
        return name

    yield add
    for name in added:
        del connections.settings[name]


def test_each_alias_answers():
    checks = database_checks()
    assert {check.component_id for check in checks} == set(connections)
    for check in checks:
        result = ask(check)
        assert result.status is Status.PASS
        assert result.measurements[0].name == "responseTime"
        assert result.measurements[0].unit == "ms"


def test_only_the_default_alias_is_critical():
    assert {check.component_id for check in database_checks() if check.critical} == {"default"}


def test_a_database_that_cannot_be_opened_fails_without_its_name(alias):
    alias("broken", {"NAME": "/no/such/directory/secret.sqlite3"})
    result = ask(DatabaseCheck(component_id="broken"))
    assert (result.status, result.output) == (Status.FAIL, "OperationalError")


def test_postgres(alias, postgres):
    alias("pg", postgres.settings())
    assert ask(DatabaseCheck(component_id="pg")).status is Status.PASS


@pytest.mark.parametrize("in_tests", [True, False])
def test_a_probe_leaves_no_connection_behind(alias, postgres, settings, in_tests):
    import psycopg

    settings.ARTISAN_MONITORING = {"IN_TESTS": in_tests, "HOUSEKEEPING": "off"}
    alias("pg", postgres.settings())
    question = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    with psycopg.connect(postgres.dsn) as watching:
        for _ in range(3):
            ask(DatabaseCheck(component_id="pg"))
        deadline = time.monotonic() + 5
        while watching.execute(question).fetchone()[0] > 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            watching.rollback()


def test_the_hosts_connection_is_left_alone():
    mine = connections["default"]
    mine.ensure_connection()
    before = mine.connection
    ask(DatabaseCheck())
    assert connections["default"] is mine
    assert mine.connection is before


def test_a_server_that_accepts_and_is_silent_fails_in_time(alias, hanging_port):
    options = {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": hanging_port, "NAME": "x"}
    alias("silent", {**options, "USER": "x", "PASSWORD": "x", "OPTIONS": {"connect_timeout": 2}})
    check = DatabaseCheck(component_id="silent")
    before = threading.active_count()
    started = time.monotonic()
    codes = [ask(check, budget_s=0.3).code for _ in range(3)]
    assert time.monotonic() - started < 2.5
    assert codes[0] == "timeout"
    assert threading.active_count() <= before + 1


def test_applied_migrations_pass_and_are_not_asked_for_again(monkeypatch):
    assert ask(MigrationsCheck()).status is Status.PASS
    monkeypatch.setattr(databases, "unapplied", None)
    assert ask(MigrationsCheck()).status is Status.PASS


@pytest.mark.parametrize("where", ["default", "monitoring"])
def test_a_migration_that_waits_fails_until_it_is_applied(where):
    recorder = MigrationRecorder(connections[where])
    recorder.record_unapplied("sessions", "0001_initial")
    try:
        result = ask(MigrationsCheck())
        assert (result.status, result.code) == (Status.FAIL, "unapplied")
        assert result.output == f"1 migrations not applied on '{where}'"
    finally:
        recorder.record_applied("sessions", "0001_initial")
    assert ask(MigrationsCheck()).status is Status.PASS


def test_a_database_that_was_never_migrated_is_somebody_elses(alias, tmp_path):
    alias("legacy", {"NAME": str(tmp_path / "legacy.sqlite3")})
    assert ask(MigrationsCheck()).status is Status.PASS


# The mark also has both databases made when this file is run alone: pytest-django makes those that marks name.
@pytest.mark.django_db(databases=["default", "monitoring"])
def test_the_default_lists_hold_them():
    assert [check.name for check in registry.checks("STARTUP")] == ["migrations"]
    assert [check.key for check in registry.checks("READINESS")] == [
        "database:default",
        "database:monitoring",
        "migrations",
    ]
