"""The shop as a real deployment: programs in child processes, asked over TCP, and its store read by a fresh process."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from tests.services.process import free_port
from tests.testproject.conftest import ROOT, environment

BIN = Path(sys.executable).parent
WAIT_S = 40.0
TOKEN = "e2e-health-token-5f0c8f1d2b7a4e6c"
SETTINGS = "tests.e2e.site_settings"


@dataclass(frozen=True)
class Reply:
    """A response as it came over the wire, and how long it took, in seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
    """Wait until the condition holds, and return what it returned; a connection that fails means not yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if found := condition():
                return found
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"{what} (waited {timeout_s:g} s)")
        time.sleep(0.05)


class Site:
    """One deployment: a directory for its files, an environment, a port."""

    def __init__(self, directory: Path, monitoring: dict[str, Any] | None = None, **more: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.monitoring: dict[str, Any] = {"HEALTH": {"TOKENS": [TOKEN], "RATE_LIMIT": 100_000}, **(monitoring or {})}
        self.more = more
        self.log = directory / "server.log"

    @property
    def env(self) -> dict[str, str]:
        """The environment of every program of this deployment."""
        names = {"DJANGO_SETTINGS_MODULE": SETTINGS, "E2E_MONITORING": json.dumps(self.monitoring)}
        return environment(self.directory, **names, **self.more)

    # -- programs -----------------------------------------------------------------------------------------------------

    def manage(self, *arguments: str, timeout_s: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**self.env, **more}, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def prepare(self) -> None:
        """Migrate and seed."""
        done = self.manage("prepare")
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, script: str) -> Any:
        """Return what a script in a fresh process prints, as JSON."""
        asked = self.manage("shell", "-v", "0", "-c", f"import json, time\n{script}")
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout.strip().splitlines()[-1])

    @contextmanager
    def running(self, program: str, *arguments: str, stop: bool = True) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program of the virtual environment, and end it as an operator would: with SIGTERM."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [str(BIN / program), *arguments], cwd=ROOT, env=self.env, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            if stop and process.poll() is None:
                process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()

    @contextmanager
    def gunicorn(self, *arguments: str, workers: int = 1, threads: int = 2) -> Iterator[subprocess.Popen[bytes]]:
        """Serve with gunicorn until the block ends."""
        more = ["-w", str(workers), "--threads", str(threads), "-b", f"127.0.0.1:{self.port}", *arguments]
        with self.running("gunicorn", "testproject.wsgi", *more) as process:
            self.wait_until_up()
            yield process

    @contextmanager
    def uvicorn(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Serve with uvicorn until the block ends."""
        more = ["--port", str(self.port), "--no-access-log", *arguments]
        with self.running("uvicorn", "testproject.asgi:application", *more) as process:
            self.wait_until_up()
            yield process

    def wait_until_up(self) -> None:
        """Wait for the first answer: to a probe, which counts as no request."""
        wait_until(lambda: self.get("/health/liveness").status == 200, f"no answer:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of the servers' output."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    # -- requests -----------------------------------------------------------------------------------------------------

    def get(self, path: str, **headers: str) -> Reply:
        """Ask for a page on a connection of its own."""
        return self.send("GET", path, headers=headers)

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Send a request on a connection of its own and read all of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        started = time.perf_counter()
        try:
            connection.request(method, path, body, {"Connection": "close", **(headers or {})})
            with connection.getresponse() as response:
                body = response.read()
                return Reply(response.status, dict(response.getheaders()), body, time.perf_counter() - started)
        finally:
            connection.close()

    def visit(self, paths: tuple[str, ...], times: int, threads: int = 4, **headers: str) -> Counter[int]:
        """Ask for pages from several threads; return how often each status came. A lost connection fails."""
        with ThreadPoolExecutor(threads) as pool:
            replies = pool.map(lambda path: self.get(path, **headers), islice(cycle(paths), times))
            return Counter(reply.status for reply in replies)

    def detailed(self) -> dict[str, Any]:
        """Return the checks of /health/detailed: "component:measurement" to its entry."""
        answer = self.get("/health/detailed", Authorization=f"Bearer {TOKEN}")
        assert answer.status in (200, 503), answer
        return {name: entries[0] for name, entries in answer.json()["checks"].items()}

    # -- what the store has -------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Drain what waits, and return what a fresh process finds."""
        found = self.ask(COUNT)
        return Counts(**{**found, "statuses": Counter({int(key): n for key, n in found["statuses"].items()})})


@dataclass(frozen=True)
class Counts:
    """What the store and the tables have: requests (health pages left out) by status, errors by type, users' requests,
    losses by reason, sums of metrics by name.
    """

    statuses: Counter[int]
    errors: dict[str, int]
    activity: dict[str, int]
    losses: dict[str, int]
    metrics: dict[str, float]

    @property
    def requests(self) -> int:
        return self.statuses.total()


COUNT = """
from django.db.models import Sum
from artisan_monitoring.testing import flush_monitoring
from artisan_monitoring.metrics import queries
from artisan_monitoring.models import ErrorGroup, UserActivity
from artisan_monitoring.stores import get_store
flush_monitoring()
now = time.time()
def read(name, *by):
    return queries.read(name, now - 3600, now + 180, step_s=60, group_by=by)
requests = read("http.server.request.duration", "http.response.status_code", "http.route")
statuses = {}
for group in requests.groups:
    if not group[1].startswith("/health"):
        statuses[group[0] or "0"] = statuses.get(group[0] or "0", 0) + requests.total(group).count
print(json.dumps({
    "statuses": statuses,
    "errors": dict(ErrorGroup.objects.values_list("type").annotate(n=Sum("count"))),
    "activity": dict(UserActivity.objects.values_list("user_pk").annotate(n=Sum("requests"))),
    "losses": get_store().losses(),
    "metrics": {each.name: read(each.name).overall().sum for each in queries.names()},
}))
"""


def copy_of(prepared: Path, directory: Path) -> Path:
    """Return a new directory with the databases of a prepared one."""
    shutil.copytree(prepared, directory, dirs_exist_ok=True)
    return directory
