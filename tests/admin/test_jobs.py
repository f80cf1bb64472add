"""The list of jobs in the admin: who ran each, when, how it went, and which are late."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test.utils import CaptureQueriesContext

from artisan_monitoring.pipeline import jobs
from artisan_monitoring.stores import get_store, reset_store
from artisan_monitoring.stores.base import JobRun

pytestmark = pytest.mark.django_db(databases="__all__")
JOBS = "/admin/artisan_monitoring/jobs/"


@pytest.fixture(params=["tables", "redis"])
def store(request, settings):
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        server.client().flushall()
        chosen = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": server.url}}
        settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": chosen}
    yield get_store()
    reset_store()


def rows(html: str) -> dict[str, list[str]]:
    found = re.findall(r"<code>([^<]+)</code></th>(.*?)</tr>", html, re.DOTALL)
    return {name: [re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<td[^>]*>(.*?)</td>", cells)]
            for name, cells in found}  # fmt: skip


def test_every_job_with_its_last_runs(admin_client, store, monkeypatch):
    monkeypatch.setattr(jobs, "_started", store.now())
    now = store.now()
    store.record_job(JobRun("drain", "celery", now - 30, 0.004))
    store.record_job(JobRun("evaluate_alerts", "housekeeper", now - 20, 0.1))
    store.record_job(JobRun("evaluate_alerts", "housekeeper", now - 10, 0.2, "OperationalError"))
    store.record_job(JobRun("run_health_checks", "process", now - 7200, 1.5))
    found = rows(admin_client.get(JOBS).content.decode())
    assert set(found) == set(jobs.jobs())
    assert found["drain"] == ["well", "5 s", "Celery", "30 s ago", "30 s ago", "4 ms", "1", "0", "–"]
    assert found["evaluate_alerts"][0] == "failing"
    assert found["evaluate_alerts"][2] == "a web process"
    assert found["evaluate_alerts"][5:] == ["200 ms", "2", "1", "OperationalError"]
    assert found["run_health_checks"][:3] == ["overdue", "30 s", "monitoring_run"]
    assert next(iter(found)) == "run_health_checks"
    assert found["purge_expired"][0] == "not yet run"
    assert found["purge_expired"][3:6] == ["never", "never", "–"]


def test_error_of_a_job_that_has_recovered_is_history(admin_client, store):
    now = store.now()
    store.record_job(JobRun("drain", "celery", now - 30, 0.004, "StoreUnavailable"))
    store.record_job(JobRun("drain", "celery", now - 10, 0.004))
    assert rows(admin_client.get(JOBS).content.decode())["drain"][0] == "well"


def test_hostile_text_stays_text(admin_client):
    evil = "<script>alert(1)</script>"
    get_store().record_job(JobRun("drain", "odd", get_store().now(), 0.1, evil))
    html = admin_client.get(JOBS).content.decode()
    assert evil not in html
    assert "&lt;script&gt;" in html


def test_store_that_is_away_is_said_so(admin_client, settings):
    away = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
    settings.ARTISAN_MONITORING = {**settings.ARTISAN_MONITORING, "STORE": away}
    response = admin_client.get(JOBS)
    assert response.status_code == 200
    assert "The store cannot be read now." in response.content.decode()


def test_needs_its_permission(client):
    user = User.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert client.get(JOBS).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_jobs"))
    assert client.get(JOBS).status_code == 200


def test_costs_a_handful_of_queries(admin_client):
    get_store().now()  # the first look makes the store's state
    with CaptureQueriesContext(connections["monitoring"]) as captured:
        admin_client.get(JOBS)
    assert len(captured) <= 4, [each["sql"] for each in captured]
