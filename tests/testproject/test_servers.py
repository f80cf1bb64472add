"""The servers of a real deployment: gunicorn, uvicorn, and a Celery worker with beat."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from testproject.demo.pace import Pace
from testproject.demo.visitor import Tally, Visitor
from tests.services import RedisServer
from tests.services.process import free_port
from tests.testproject.conftest import ROOT, environment, manage

GOOD = {"name": "Hall", "email": "hall@customers.example", "lines": [{"product": "tideline-ring", "quantity": 1}]}
BIN = Path(sys.executable).parent
WAIT_S = 40
DRAINED_BY = (
    "from artisan_monitoring.pipeline.jobs import job_states;"
    "print(*[state.runner for state in job_states() if state.name == 'drain'])"
)


def wait_until(condition: Callable[[], object], what: str, log: Path | None = None) -> None:
    """Wait until the condition holds; an OSError means not yet."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{what}\n{log.read_text()[-4000:] if log else ''}")


@contextmanager
def running(log: Path, env: dict[str, str], program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the virtual environment in the project's directory, and end it in order."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(BIN / program), *arguments], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def port() -> int:
    """A port nobody has."""
    return free_port()


@pytest.fixture
def visitor(port: int) -> Iterator[Visitor]:
    """Somebody at the door of the server under test."""
    made = Visitor(port, Pace(10_000), Tally(), Random(1))
    yield made
    made.close()


def prepare(directory: Path, **more: str) -> None:
    """Migrate and seed."""
    done = manage(directory, "prepare", **more)
    assert done.returncode == 0, done.stdout + done.stderr


def ask(directory: Path, script: str, **more: str) -> str:
    """Return what a script prints in a fresh process of the project."""
    asked = manage(directory, "shell", "-v", "0", "-c", script, **more)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout.strip()


def requests_in_store(directory: Path, **more: str) -> int:
    """Return how many requests the store has."""
    script = (
        "from artisan_monitoring.testing import flush_monitoring as flush; flush();"
        "from artisan_monitoring.metrics.queries import read; import time; now = time.time();"
        "print(read('http.server.request.duration', now - 600, now + 120).overall().count)"
    )
    return int(ask(directory, script, **more))


def visit(visitor: Visitor, rounds: int = 5) -> int:
    """Send some of everything; return the number of requests that count."""
    for _ in range(rounds):
        for path in ("/", "/products/", "/api/products/tideline-ring/stock/", "/care-guide/", "/nowhere/"):
            visitor.get(path)
        assert visitor.get("/api/products/export.csv").body.count(b"\n") == 4801
        assert visitor.get("/api/promotions/meet-the-makers/savings/").status == 500
    return visitor.tally.requests


def test_uvicorn_serves_it_all_and_nothing_is_lost(tmp_path: Path, port: int, visitor: Visitor) -> None:
    prepare(tmp_path)
    log = tmp_path / "uvicorn.log"
    with running(log, environment(tmp_path), "uvicorn", "testproject.asgi:application", "--port", str(port)):
        wait_until(lambda: visitor.get("/health/liveness").status == 200, "uvicorn does not answer", log)
        sent = visit(visitor)
    assert requests_in_store(tmp_path) == sent


def test_gunicorn_with_redis_and_a_celery_worker(
    tmp_path: Path, port: int, visitor: Visitor, redis_server: RedisServer
) -> None:
    with redis_server.client() as client:
        client.flushall()
    more = {"REDIS_URL": redis_server.url, "ENVIRONMENT": "staging"}
    prepare(tmp_path, **more)
    env = environment(tmp_path, **more)
    served, worked = tmp_path / "gunicorn.log", tmp_path / "celery.log"
    with ExitStack() as stack:
        arguments = ["testproject.wsgi", "-w", "4", "--threads", "2", "-b", f"127.0.0.1:{port}"]
        stack.enter_context(running(served, env, "gunicorn", *arguments))
        stack.enter_context(running(worked, env, "celery", "-A", "testproject", "worker", "-B", "-c", "1"))
        wait_until(lambda: visitor.get("/health/liveness").status == 200, "gunicorn does not answer", served)
        sent = visit(visitor) + 1
        assert visitor.post_json("/api/orders/", GOOD).status == 201
        mailbox = tmp_path / "mailbox.txt"
        wait_until(lambda: "hall@customers.example" in mailbox.read_text(), "the worker sent no confirmation", worked)
        wait_until(lambda: ask(tmp_path, DRAINED_BY, **more) == "celery", "beat and the worker did not drain", worked)
    assert requests_in_store(tmp_path, **more) == sent
