"""The monitoring database locked, full, read-only or without tables: the site answers as if nothing were there.

Each response is compared, byte for byte, with that of the same site without this app's middleware.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.e2e.servers import Reply, Site, wait_until
from tests.services import PostgresServer

QUICK = {"FLUSH_INTERVAL_S": 0.3}
SHARED_MEMORY = 32_768  # SQLite makes one of this size beside each file that is open: also the shop's
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REQUESTS: tuple[tuple[str, str, bytes | None, dict[str, str]], ...] = (
    ("GET", "/bad/plain/", None, {}),
    ("GET", "/", None, {}),
    ("GET", "/products/?q=bowl", None, {"X-Request-ID": "mine", "X-Forwarded-For": "203.0.113.9"}),
    ("GET", "/products", None, {}),
    ("HEAD", "/products/tideline-ring/", None, {}),
    ("GET", "/nowhere/?q=%27%20or%201=1--", None, {}),
    ("GET", "/api/promotions/meet-the-makers/savings/", None, {}),
    ("GET", "/api/products/export.csv", None, {}),
    ("GET", "/care-guide/", None, {}),
    ("GET", "/login/", None, {}),
    ("GET", "/account/", None, {}),
    ("POST", "/bad/echo/?a=%00%ff&b=1&b=2", b"\x00\xff\xfe{", JSON),
    ("POST", "/bad/echo/", b"name=%00%ff&name=b&=&%", FORM),
    ("POST", "/cart/add/", b"product=tideline-ring", FORM),
    ("DELETE", "/products/", None, {}),
    ("GET", "/bad/raise/locals/", None, {}),
    ("GET", "/", None, {"Host": "not.ours.example"}),
)
VARIES = {"Date", "Expires", "X-Request-ID"}
TOKENS = re.compile(rb'(csrfmiddlewaretoken" value=")\w+|(nonce-|nonce=")[\w+/=-]+')


def comparable(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """Return a response without what differs from one to the next: times and tokens."""
    headers = {name: value for name, value in reply.headers.items() if name not in VARIES}
    if "Set-Cookie" in headers:
        headers["Set-Cookie"] = re.sub(r"csrftoken=\w+|expires=[^;]+", "", headers["Set-Cookie"])
    return reply.status, headers, TOKENS.sub(b"", reply.body)


def answers(site: Site) -> list[tuple[int, dict[str, str], bytes]]:
    """Send every request; return what is comparable of the responses."""
    return [comparable(site.send(*request)) for request in REQUESTS]


def statuses(found: list[tuple[int, dict[str, str], bytes]]) -> Counter[int]:
    return Counter(status for status, _, _ in found)


@pytest.fixture(scope="session")
def bare(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, dict[str, str], bytes]]:
    """What the site answers without this app's middleware."""
    from tests.e2e.servers import copy_of

    site = Site(copy_of(prepared, tmp_path_factory.mktemp("bare")), E2E_BARE="1")
    with site.gunicorn():
        return answers(site)


def breaker(site: Site) -> str:
    """Return the breaker of the one worker, as the health page shows it."""
    return str(site.detailed()["pipeline:breaker"]["observedValue"])


@contextmanager
def locked(site: Site, server: psutil.Process) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    with closing(sqlite3.connect(site.directory / "monitoring.sqlite3", isolation_level=None, timeout=20)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.execute("ROLLBACK")


@contextmanager
def full(site: Site, server: psutil.Process) -> Iterator[None]:
    """No file of the server may grow any more, as on a disk that is full."""
    workers = server.children()
    before = {worker.pid: worker.rlimit(psutil.RLIMIT_FSIZE) for worker in workers}
    for worker in workers:
        worker.rlimit(psutil.RLIMIT_FSIZE, (SHARED_MEMORY, before[worker.pid][1]))
    yield
    for worker in workers:
        worker.rlimit(psutil.RLIMIT_FSIZE, before[worker.pid])


@pytest.mark.parametrize("fault", [locked, full], ids=["locked", "full"])
def test_a_database_that_takes_nothing_changes_no_response(
    new_site: Callable[..., Site],
    bare: list[tuple[int, dict[str, str], bytes]],
    fault: Callable[[Site, psutil.Process], contextmanager[None]],
) -> None:
    site = new_site(QUICK)
    site.log = Path("/dev/null")  # a log file could not grow either
    with site.gunicorn() as server:
        found = answers(site)
        sent = statuses(found)
        assert found == bare
        with fault(site, psutil.Process(server.pid)):
            found = answers(site)
            sent += statuses(found)
            assert found == bare
            wait_until(lambda: breaker(site) == "open", "the fault is not on the health page")
        wait_until(lambda: breaker(site) == "closed", "it did not recover by itself")
    counts = site.counts()
    assert counts.statuses == sent
    assert counts.losses == {}


def test_before_the_migrations_nothing_changes_and_nothing_is_lost(
    new_site: Callable[..., Site], bare: list[tuple[int, dict[str, str], bytes]]
) -> None:
    site = new_site(QUICK)
    for file in site.directory.glob("monitoring.sqlite3*"):
        file.unlink()
    with site.gunicorn():
        found = answers(site)
        assert found == bare
        wait_until(lambda: breaker(site) == "open", "missing tables are not on the health page")
        migrated = site.manage("migrate", "--database", "monitoring")
        assert migrated.returncode == 0, migrated.stderr
        wait_until(lambda: breaker(site) == "closed", "it did not recover by itself")
    counts = site.counts()
    assert counts.statuses == statuses(found)
    assert counts.losses == {}
    assert "Traceback" not in "".join(line for line in site.tail().splitlines() if "Monitoring" in line)


def test_a_postgresql_that_becomes_read_only_changes_no_response(
    new_site: Callable[..., Site], bare: list[tuple[int, dict[str, str], bytes]], postgres: PostgresServer
) -> None:
    name = postgres.create_database()
    address = f"postgres://postgres:{postgres.password}@127.0.0.1:{postgres.port}/{name}"
    site = new_site(QUICK, DATABASE_URL=address)
    site.prepare()

    def set_read_only(state: str) -> None:
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}")
            # A setting of a database is taken over by new connections.
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    reading = [request for request in REQUESTS if request[0] == "GET"]
    with site.gunicorn():
        before = [comparable(site.send(*request)) for request in reading]
        set_read_only("on")
        during = [comparable(site.send(*request)) for request in reading]
        assert during == before
        wait_until(lambda: breaker(site) == "open", "the fault is not on the health page")
        set_read_only("off")
        wait_until(lambda: breaker(site) == "closed", "it did not recover by itself")
    counts = site.counts()
    assert counts.statuses == statuses(before) + statuses(during)
    assert counts.losses == {}
