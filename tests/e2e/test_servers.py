"""Real servers under traffic, restarts and reloads: what was sent is what the store has."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from testproject.demo.pace import Pace
from testproject.demo.visitor import Tally, Visitor
from tests.e2e.servers import TOKEN, Site, wait_until
from tests.services import PostgresServer, RedisServer
from tests.testproject.conftest import PASSWORD

FAILING = "/api/promotions/meet-the-makers/savings/"
PATHS = ("/products/tideline-ring/", "/api/products/", "/nowhere/", FAILING, "/api/products/tideline-ring/stock/")
# Nothing is sent before the end: every count below went through the last flush of its process.
ONLY_AT_THE_END = {"FLUSH_INTERVAL_S": 600, "HOUSEKEEPING": "off"}
OUR_FAULTS = ("Monitoring failed", "Monitoring waits")


def log_in(site: Site) -> Counter[int]:
    """Log in and look at three pages; return what was answered."""
    visitor = Visitor(site.port, Pace(10_000), Tally(), Random(1))
    visitor.get("/login/")
    visitor.post("/login/", username="admin", password=PASSWORD)
    for _ in range(3):
        assert visitor.get("/account/").status == 200
    visitor.close()
    return visitor.tally.statuses


def expect_exactly(site: Site, sent: Counter[int], logged_in: int = 0, unheard: int = 0) -> None:
    """Compare what was sent with what the store has; `unheard` are the orders whose workshop a task cannot reach."""
    counts = site.counts()
    assert counts.statuses == sent
    errors = {"decimal.DivisionByZero": sent[500], "testproject.shop.tasks.WorkshopUnreachable": unheard}
    assert counts.errors == {name: count for name, count in errors.items() if count}
    assert sum(counts.activity.values()) == logged_in
    assert counts.losses == {}
    assert not [words for words in OUR_FAULTS if words in site.log.read_text()], site.tail()


@pytest.mark.parametrize(("preload", "workers"), [(False, 2), (True, 4)])
def test_gunicorn_loses_nothing_when_workers_come_and_go(
    new_site: Callable[..., Site], preload: bool, workers: int
) -> None:
    site = new_site(ONLY_AT_THE_END)
    arguments = ["--max-requests", "30", "--max-requests-jitter", "5", *(["--preload"] if preload else [])]
    with site.gunicorn(*arguments, workers=workers) as master:
        sent = log_in(site) + site.visit(PATHS, 60)
        os.kill(master.pid, signal.SIGHUP)
        sent += site.visit(PATHS, 40)
    expect_exactly(site, sent, logged_in=4)


def test_a_server_told_to_end_under_traffic_counts_every_answer(new_site: Callable[..., Site]) -> None:
    site = new_site(ONLY_AT_THE_END)
    answered: Counter[int] = Counter()
    lost = 0
    with ThreadPoolExecutor(4) as pool, site.gunicorn(workers=2) as master:

        def ask_until_refused() -> tuple[Counter[int], int]:
            mine, broken = Counter[int](), 0
            while True:
                try:
                    mine[site.get("/api/products/tideline-ring/stock/").status] += 1
                except ConnectionRefusedError:
                    return mine, broken
                except (OSError, http.client.HTTPException):
                    broken += 1

        asking = [pool.submit(ask_until_refused) for _ in range(4)]
        time.sleep(0.7)
        master.terminate()
        for each in asking:
            statuses, broken = each.result(20)
            answered += statuses
            lost += broken

    # One that lost its connection may have been answered all the same.
    counted = site.counts().requests
    assert answered.total() > 10
    assert answered.total() <= counted <= answered.total() + lost


def test_uvicorn_with_workers_loses_nothing(new_site: Callable[..., Site]) -> None:
    site = new_site(ONLY_AT_THE_END)
    with site.uvicorn("--workers", "2"):
        sent = log_in(site) + site.visit(PATHS, 60)
        assert site.get("/api/products/export.csv").body.count(b"\n") == 4801
        sent[200] += 1
    expect_exactly(site, sent, logged_in=4)


def test_redis_postgresql_and_celery_count_exactly_and_run_the_jobs(
    new_site: Callable[..., Site], redis_server: RedisServer, postgres: PostgresServer
) -> None:
    with redis_server.client() as client:
        client.flushall()
    database = f"postgres://postgres:{postgres.password}@127.0.0.1:{postgres.port}/{postgres.create_database()}"
    site = new_site(REDIS_URL=redis_server.url, DATABASE_URL=database, ENVIRONMENT="staging")
    site.prepare()
    with ExitStack() as stack:
        stack.enter_context(site.running("celery", "-A", "testproject", "worker", "-B", "-c", "2"))
        stack.enter_context(site.gunicorn("--max-requests", "60", "--preload", workers=4))
        sent = log_in(site) + site.visit(PATHS, 120)
        order = {"name": "Hall", "email": "hall@customers.example"}
        body = json.dumps({**order, "lines": [{"product": "tideline-ring", "quantity": 1}]}).encode()
        unheard = 0
        for _ in range(3):
            answer = site.send("POST", "/api/orders/", body, {"Content-Type": "application/json"})
            sent[answer.status] += 1
            unheard += zlib.crc32(answer.json()["reference"].encode()) % 7 == 0  # as `tell_workshop` has it
        assert sent[201] == 3
        wait_until(lambda: alive(site) == {"worker", "beat"}, "no sign of the worker or of beat")
    expect_exactly(site, sent, logged_in=4, unheard=unheard)
    assert runner_of_drain(site) == "celery"


def alive(site: Site) -> set[str]:
    """Return which parts of Celery the health page has seen."""
    answer = site.get("/health/detailed", Authorization=f"Bearer {TOKEN}").json()["checks"]
    return {each["componentId"] for each in answer.get("celery:alive", ()) if each["observedValue"]}


def runner_of_drain(site: Site) -> str:
    """Return who ran the job that runs most often."""
    states = "from artisan_monitoring.pipeline.jobs import job_states\n"
    wanted = "print(json.dumps([s.runner for s in job_states() if s.name == 'drain']))"
    (runner,) = site.ask(states + wanted)
    return str(runner)
