"""The security middleware from the outside: what a request leaves behind as rows, log records and counts."""

from __future__ import annotations

import json
import logging

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from artisan_monitoring.testing import capture_metrics, override_monitoring
from tests.security.site import events, fresh  # noqa: F401  # a fixture

pytestmark = [
    pytest.mark.django_db(databases=["default", "monitoring"]),
    pytest.mark.urls("tests.security.site"),
    pytest.mark.usefixtures("fresh"),
]

SQLI = {"q": "1' or '1'='1"}


def test_an_attack_becomes_a_row_a_record_and_a_count(caplog):
    agent = "Mozilla/5.0"
    with capture_metrics() as metrics, caplog.at_level(logging.WARNING):
        response = Client().get("/plain/", SQLI, REMOTE_ADDR="203.0.113.77", headers={"User-Agent": agent})
        assert response.content == b"ok"
        assert metrics.sum("artisan.security.events", event="malicious_sqli", severity="MEDIUM") == 1
        assert metrics.sum("artisan.security.findings", rule="sqli.tautology") == 1
    (record,) = [each for each in caplog.records if each.getMessage() == "malicious_sqli"]
    assert (record.levelname, record.source_ip, record.rule) == ("WARNING", "203.0.113.0", "sqli.tautology")

    Client().get("/plain/", SQLI, REMOTE_ADDR="203.0.113.77", headers={"User-Agent": agent})
    (row,) = events()
    assert (row.event, row.rule, row.severity, row.score) == ("malicious_sqli", "sqli.tautology", "MEDIUM", 5)
    assert (row.method, row.path, row.route, row.status) == ("GET", "/plain/", "/plain/", 200)
    assert (row.client, row.user_agent, row.count) == ("203.0.113.0", agent, 1)
    assert len(row.request_id) >= 16
    assert len(row.trace_id) == 32
    (finding,) = row.details["findings"]
    assert (finding["rule"], finding["where"], finding["parameter"]) == ("sqli.tautology", "parameter", "q")
    assert finding["snippet"] == "1' or '1'='1"


def test_an_attack_on_an_async_site_is_seen():
    async_to_sync(AsyncClient().get)("/asynchronous/", SQLI)
    assert [row.event for row in events()] == ["malicious_sqli"]


def test_a_plain_request_leaves_nothing():
    Client().get("/plain/", {"q": "it's a dog's life", "next": "/admin/?a=b"}, headers={"User-Agent": "Mozilla/5.0"})
    assert events() == []


def test_a_form_is_searched_only_if_the_view_has_parsed_it():
    attack = {"comment": "<script>alert(1)</script>"}
    assert Client().post("/reads_form/", attack).content == attack["comment"].encode()
    assert [row.event for row in events()] == ["malicious_xss"]


def test_the_body_is_never_read():
    client = Client(enforce_csrf_checks=False)
    response = client.post("/reads_body/", b"<script>", content_type="application/octet-stream")
    assert response.content == b"<script>"
    assert events() == []


def test_a_password_is_never_kept_even_if_it_looks_like_an_attack():
    Client().post("/reads_form/", {"password": "' or '1'='1", "comment": "<script>"})
    (row,) = events()
    assert "or" not in json.dumps(row.details).replace("score", "")
    assert row.details["findings"][0]["parameter"] == "comment"


def test_a_scanner_is_an_event_whatever_it_asks_for():
    Client().get("/plain/", headers={"User-Agent": "sqlmap/1.7.2#stable"})
    (row,) = events()
    assert (row.event, row.severity, row.user_agent) == ("malicious_attack_tool", "LOW", "sqlmap/1.7.2#stable")


def test_a_honey_path_counts_only_where_the_site_has_no_such_page():
    Client().get("/.git/config")
    assert Client().get("/.env").content == b"ok"
    (row,) = events()
    assert (row.event, row.rule, row.status) == ("malicious_honeypath", "honey..git", 404)


def test_many_missing_pages_of_one_client_are_one_event():
    with override_monitoring(SECURITY={"BURST": 5}):
        for n in range(12):
            Client().get(f"/missing-{n}/", REMOTE_ADDR="203.0.113.5")
            Client().get(f"/other-{n}/", REMOTE_ADDR=f"198.51.100.{n}")
    (row,) = events()
    assert (row.event, row.rule, row.client) == ("malicious_excess_404", "burst_missing", "203.0.113.0")
    assert row.details == {"requests": 5}


def test_many_refused_pages_of_one_client_are_one_event():
    with override_monitoring(SECURITY={"BURST": 4}):
        for _ in range(6):
            Client().get("/denied/")
    assert [(row.event, row.rule, row.route) for row in events()] == [("authz_fail", "burst_denied", "/denied/")]


def test_a_flood_is_few_rows_and_few_log_lines(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(60):
            Client().get("/plain/", SQLI)
    rows = events()
    assert sum(row.count for row in rows) == 60
    assert len(rows) <= 2  # two, where ten seconds end in between
    assert len([each for each in caplog.records if each.getMessage() == "malicious_sqli"]) <= 2


def test_findings_below_the_threshold_make_no_event():
    with capture_metrics() as metrics:
        Client().get("/plain/", {"q": "../readme"})
        assert metrics.sum("artisan.security.findings", rule="lfi.parent_value") == 1
        assert metrics.sum("artisan.security.events") == 0
    with override_monitoring(SECURITY={"SCORE": 3}):
        Client().get("/plain/", {"q": "../readme"})
    assert [row.rule for row in events()] == ["lfi.parent_value"]


def test_rules_and_paths_can_be_left_out():
    with override_monitoring(SECURITY={"IGNORE_RULES": ("sqli.tautology",)}):
        Client().get("/plain/", SQLI)
    with override_monitoring(SECURITY={"EXCLUDE": ("/plain/",)}):
        Client().get("/plain/", SQLI)
    assert events() == []


@pytest.mark.parametrize("off", [{"ENABLED": False}, {"SECURITY": {"ENABLED": False}}])
def test_switched_off_it_sees_nothing(off):
    with override_monitoring(**off):
        Client().get("/plain/", SQLI)
        Client().get("/.git/config")
    assert events() == []


@pytest.mark.parametrize(("mode", "kept"), [("full", "203.0.113.77"), ("truncate", "203.0.113.0"), ("none", "")])
def test_the_client_is_kept_as_the_settings_allow(mode, kept):
    with override_monitoring(PRIVACY={"IP": mode}):
        Client().get("/plain/", SQLI, REMOTE_ADDR="203.0.113.77")
    assert [row.client for row in events()] == [kept]


def test_a_hashed_client_is_the_same_in_events_and_logs(caplog):
    with override_monitoring(PRIVACY={"IP": "hash"}), caplog.at_level(logging.INFO):
        Client().get("/plain/", SQLI, REMOTE_ADDR="203.0.113.77")
    (row,) = events()
    assert len(row.client) == 32
    access = [each for each in caplog.records if each.name == "artisan_monitoring.access"]
    assert {each.client for each in access if hasattr(each, "client")} <= {row.client}


# -- what Django refuses ----------------------------------------------------------------------------------------------


def test_an_unknown_host_is_an_event():
    assert Client().get("/host/", headers={"Host": "evil.example"}).status_code == 400
    (row,) = events()
    assert (row.event, row.rule, row.status) == ("input_validation_fail", "django.disallowed_host", 400)
    assert row.path == "/host/"


def test_a_suspicious_operation_is_an_event():
    assert Client().get("/suspicious/").status_code == 400
    assert [(row.event, row.rule) for row in events()] == [("input_validation_fail", "django.suspicious_operation")]


def test_a_missing_csrf_token_is_an_event():
    assert Client(enforce_csrf_checks=True).post("/reads_form/", {"comment": "x"}).status_code == 403
    (row,) = events()
    assert (row.event, row.rule, row.route) == ("malicious_csrf", "django.csrf", "/reads_form/")


# -- it never hurts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["security.requests.inspect", "security.requests.agent_findings", "security.activity.note"]
)
def test_a_failure_of_ours_does_not_reach_the_host(monkeypatch, target):
    def broken(*args, **kwargs):
        raise RuntimeError("ours")

    monkeypatch.setattr(f"artisan_monitoring.{target}", broken)
    assert Client().get("/plain/", SQLI).content == b"ok"


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/plain/?%ff%fe=%00&a=%", {}),
        ("/plain/?" + "a=%27&" * 5000, {}),
        ("/plain/?q=" + "%27" * 100_000, {"User-Agent": "x" * 100_000}),
        ("/" + "%c3%28" * 100 + "/", {"User-Agent": "\ud800 () { :; };"}),
    ],
)
def test_hostile_bytes_leave_rows_that_can_be_stored(url, headers):
    Client().get(url, headers=headers)
    Client().get(url + ("&" if "?" in url else "?") + "x=%3Cscript%3E%00%0a%1b%5b31m", headers=headers)
    for row in events():
        text = json.dumps(row.details) + row.path + row.user_agent
        assert text.isprintable()
        assert "\\u0000" not in text
