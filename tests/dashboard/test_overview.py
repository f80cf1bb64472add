"""The overview's sections: what each shows, and that each fails alone."""

from __future__ import annotations

import time

import pytest
from django.db import connections
from django.utils import timezone

from artisan_monitoring.alerts import states
from artisan_monitoring.core.guard import failures
from artisan_monitoring.core.rules import Decision, Standing
from artisan_monitoring.dashboard import overview, sections
from artisan_monitoring.dashboard.sections import STORE_AWAY
from artisan_monitoring.dashboard.windows import SPANS
from artisan_monitoring.models import AlertRule, ErrorGroup

from .seed import counted, put, requests

pytestmark = pytest.mark.django_db(databases="__all__")


def page(key: str = "1h", **may):
    return overview.page(SPANS[key], **may)


def tiles(context) -> dict[str, overview.Tile]:
    return {tile.label: tile for tile in context["tiles"]}


def fire(severity: str = "HIGH", name: str = "Many errors") -> None:
    rule = AlertRule.objects.create(name=name, kind="error_count", threshold=1, severity=severity)
    decision = Decision(Standing.FIRING, True, 12.0, 12.0, time.time(), time.time(), "12 errors in 5 min.")
    assert states.open_alert(rule, {}, decision) is not None


def error(**changes) -> ErrorGroup:
    now = timezone.now()
    values = {"type": "ValueError", "message": "no", "severity": "HIGH", "first_seen": now, "last_seen": now}
    return ErrorGroup.objects.create(**{**values, **changes})


def snapshot(store, status: str = "pass", reading: str = "", output: str = "", at: float = 0) -> None:
    check = {"status": status, "since": time.time() - 60, "reading": reading or status, "output": output}
    well = {"status": "pass", "since": time.time() - 60, "reading": "pass", "output": ""}
    value = {"status": status, "at": time.time(), "host": "web-1", "checks": {"a-well": well, "disk:/": check}}
    store.set_note("health", "snapshot", value, 3600)


class TestTiles:
    def test_say_the_numbers_of_the_window(self, tables):
        now = tables.now() - 120
        put(tables, requests(now, *[0.02] * 97), requests(now, *[0.3] * 3, status=500), counted(now, 3))
        found = tiles(page())
        assert (found["Requests"].value, found["Error rate"].value, found["Errors"].value) == ("100", "3 %", "3")
        assert found["p95"].value == "20 ms"
        assert found["Error rate"].tone == "medium"
        assert found["Requests"].note.endswith("a minute")

    def test_have_no_numbers_while_there_are_none(self, tables):
        found = tiles(page())
        assert (found["Requests"].value, found["Error rate"].value, found["p95"].value) == ("0", "–", "–")
        assert (found["Health"].value, found["Active alerts"].value) == ("unknown", "0")

    def test_alerts_are_counted_and_coloured_by_the_worst(self, tables):
        fire("LOW", "One")
        fire("CRITICAL", "Two")
        tile = tiles(page())["Active alerts"]
        assert (tile.value, tile.note, tile.tone) == ("2", "worst: critical", "critical")


class TestHealth:
    def test_worst_check_first_with_what_it_says(self, tables):
        snapshot(tables, "fail", output="97 % full")
        context = page()
        first, second = context["health"].value["checks"]
        assert (first["name"], first["status"], first["output"], first["tone"]) == (
            "disk:/", "fail", "97 % full", "critical",
        )  # fmt: skip
        assert (second["name"], second["output"]) == ("a-well", "")
        assert tiles(context)["Health"].value == "fail"

    def test_reading_that_has_not_moved_the_status_is_told(self, tables):
        snapshot(tables, "pass", reading="warn", output="91 % full")
        assert page()["health"].value["checks"][1]["output"] == "last reading warn: 91 % full"

    def test_old_snapshot_is_no_health(self, tables, monkeypatch):
        snapshot(tables)
        monkeypatch.setattr(overview, "STALE_HEALTH_S", -1)
        context = page()
        assert context["health"].value["stale"]
        assert tiles(context)["Health"].value == "unknown"


class TestMachinery:
    def test_shows_processes_lag_losses_and_drops(self, tables):
        report = {"host": "web-1", "pid": 7, "series": 140, "flush_duration_s": 0.02, "breaker": "open",
                  "dropped": {"records": 3}, "threads": {"leads": True}}  # fmt: skip
        tables.set_note("process", "p1", report, 120)
        tables.set_note("process", "p2", {**report, "host": "web-2", "breaker": "closed", "dropped": {}}, 120)
        tables.set_note("process", "p3", {}, 120)
        tables.append(0, "p1", 1, b"x" * 2500, limit_bytes=10**6)
        tables.add_losses({"epoch": 12})
        context = page()
        seen = context["processes"].value
        assert (seen["count"], seen["hosts"]) == (3, 3)
        assert {row["host"]: row["store"] for row in seen["rows"]} == {
            "web-1": "interrupted", "web-2": "connected", "?": "unknown",
        }  # fmt: skip
        it = context["machinery"].value
        named = {label: value for label, value, _ in it["figures"]}
        assert (named["Inbox"], named["Batches waiting"], named["Series"]) == ("2.5 kB", "1", "140")
        assert it["losses"] == [("epoch", "12")]
        assert it["dropped"] == [("records", "3")]

    def test_a_hundred_processes_are_counted_and_twelve_shown(self, tables):
        for number in range(100):
            tables.set_note("process", f"p{number}", {"host": f"web-{number}", "pid": number}, 120)
        seen = page()["processes"].value
        assert (seen["count"], len(seen["rows"]), seen["more"]) == (100, 12, 88)


class TestFailures:
    def test_store_that_is_away_leaves_the_rows(self, store_away):
        error()
        fire()
        context = page()
        for name in ("traffic", "health", "processes", "machinery"):
            assert context[name].problem == STORE_AWAY
        assert [each["type"] for each in context["errors"].value] == ["ValueError"]
        assert context["alerts"].value["count"] == 1
        assert tiles(context)["Requests"].value == "–"
        assert failures["dashboard.traffic"] == failures["dashboard.machinery"] == 1

    def test_nobody_waits_twice_for_a_store_that_hangs(self, store_away, monkeypatch):
        monkeypatch.setattr(sections, "PATIENCE_S", -1.0)
        context = page()
        assert context["machinery"].problem == STORE_AWAY
        assert failures["dashboard.traffic"] == 1
        assert failures["dashboard.health"] == failures["dashboard.machinery"] == 0

    @pytest.mark.parametrize(
        ("table", "broken"),
        [
            ("errorgroup", {"errors"}),
            ("alert", {"alerts"}),
            ("storednote", {"health", "processes", "machinery"}),
            ("metricseries", {"traffic"}),
            ("loss", {"machinery"}),
        ],
    )
    def test_table_that_is_away_takes_its_section_only(self, tables, table, broken):
        put(tables, requests(tables.now(), 0.1))
        with connections["monitoring"].cursor() as cursor:
            cursor.execute("PRAGMA legacy_alter_table = ON")
            cursor.execute(f"ALTER TABLE artisan_monitoring_{table} RENAME TO elsewhere")
        try:
            context = page()
        finally:
            with connections["monitoring"].cursor() as cursor:
                cursor.execute(f"ALTER TABLE elsewhere RENAME TO artisan_monitoring_{table}")
                cursor.execute("PRAGMA legacy_alter_table = OFF")
        names = ("traffic", "health", "alerts", "errors", "processes", "machinery")
        assert {name for name in names if context[name].problem} == broken
        for name in names:
            assert "elsewhere" not in context[name].problem
            assert "sqlite" not in context[name].problem.lower()

    def test_what_a_person_may_not_see_is_not_read(self, tables):
        context = page(may_see_errors=False, may_see_alerts=False)
        assert (context["errors"], context["alerts"]) == (None, None)
        assert "Active alerts" not in tiles(context)


def test_charts_show_every_slot_with_requests(tables):
    now = tables.now()
    put(tables, requests(now - 600, 0.02, 0.04), requests(now - 600, 0.1, status=502), requests(now - 1200, 0.01))
    throughput, rate, latency, heat = page()["charts"]
    assert [row[2] for row in throughput.rows] == [["1 /min"], ["3 /min"]]
    assert [row[2] for row in rate.rows] == [["0 %"], ["33 %"]]
    assert [row[2] for row in latency.rows][1] == ["100 ms", "100 ms", "40 ms"]
    assert [line.label for line in latency.lines] == ["p99", "p95", "p50"]
    assert [sum(column.values()) for column in heat.columns if column] == [1, 3]


@pytest.mark.parametrize("key", SPANS)
def test_every_window_has_its_charts(tables, key):
    put(tables, requests(tables.now() - 60, 0.02))
    assert [chart.title for chart in page(key)["charts"]] == [
        "Throughput", "Error rate", "Latency", "Latency heat map",
    ]  # fmt: skip
