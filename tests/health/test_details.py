"""The endpoint for those with rights: what it shows, to whom, and how often."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

TOKEN = "a-token-that-is-long-enough"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}


def test_details_need_rights(client, only):
    only(health={"TOKENS": [TOKEN]})
    assert client.get("/health/detailed").status_code == 401
    assert client.get("/health/metrics").status_code == 401
    assert client.get("/health/detailed", HTTP_AUTHORIZATION="Bearer no").status_code == 403
    assert client.get("/health/detailed", **BEARER).status_code == 200
    assert b"fake" not in client.get("/health/detailed").content


def test_details_open_to_staff(client, only):
    only()
    client.force_login(User.objects.create_user("anna"))
    assert client.get("/health/detailed").status_code == 403
    client.force_login(User.objects.create_user("boss", is_staff=True))
    assert client.get("/health/detailed").status_code == 200


def test_details_follow_the_draft(client, only):
    only(top={"SERVICE": "shop-web", "RELEASE": "2026.11.1"}, status="warn", health={"TOKENS": [TOKEN]})
    response = client.get("/health/detailed", **BEARER)
    payload = json.loads(response.content)
    assert response["Content-Type"] == "application/health+json"
    assert payload["status"] == "warn"
    assert (payload["version"], payload["releaseId"], payload["serviceId"]) == ("1", "2026.11.1", "shop-web")
    (entry,) = payload["checks"]["fake:responseTime"]
    assert (entry["observedValue"], entry["observedUnit"], entry["status"]) == (1.5, "ms", "warn")
    assert entry["output"] == "slow"
    assert entry["time"].endswith("Z")
    assert payload["checks"]["uptime"][0]["observedUnit"] == "s"
    assert all(isinstance(value, list) for value in payload["checks"].values())


def test_details_of_a_pass_have_no_output(client, only):
    only(health={"TOKENS": [TOKEN]})
    (entry,) = json.loads(client.get("/health/detailed", **BEARER).content)["checks"]["fake:responseTime"]
    assert "output" not in entry


def test_details_show_the_class_of_an_exception_and_never_its_text(client, only):
    only(status="error", health={"TOKENS": [TOKEN]})
    response = client.get("/health/detailed", **BEARER)
    assert response.status_code == 503
    assert b"ConnectionError" in response.content
    assert b"hunter2" not in response.content


def test_details_note_a_drain(client, only, tmp_path):
    only(health={"TOKENS": [TOKEN], "DRAIN_FILE": str(tmp_path / "drain")})
    (tmp_path / "drain").touch()
    assert "out of traffic" in json.loads(client.get("/health/detailed", **BEARER).content)["notes"][0]


def test_every_built_in_check_answers(client, configure):
    configure(TOKENS=[TOKEN])
    payload = json.loads(client.get("/health/detailed", **BEARER).content)
    names = {key.partition(":")[0] for key in payload["checks"]}
    assert names >= {
        "database",
        "migrations",
        "cache",
        "cpu",
        "memory",
        "disk",
        "store",
        "pipeline",
        "celery",
        "uptime",
    }
    databases = payload["checks"]["database:responseTime"]
    assert {entry["componentId"] for entry in databases} == {"default", "monitoring"}
    assert payload["status"] in ("pass", "warn")


def test_details_are_refused_politely_when_asked_too_often(client, only):
    only(health={"TOKENS": [TOKEN], "RATE_LIMIT": 2})
    assert [client.get("/health/detailed", **BEARER).status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/health/metrics", **BEARER)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert client.get("/health/readiness").status_code == 200
