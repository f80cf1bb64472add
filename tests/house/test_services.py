"""The servers of the tests are real, answer, come back after a fault, and end with the process that started them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.directories import own_directory
from tests.services import (
    PostgresServer,
    RedisServer,
    ServiceMissing,
    find_chromium,
    find_postgres,
    find_prometheus,
    find_redis,
)
from tests.services.postgres import _open_to_all

ROOT = Path(__file__).parents[2]


def test_redis_answers_on_loopback(redis_server: RedisServer) -> None:
    with redis_server.client() as client, redis.Redis.from_url(redis_server.url) as by_url:
        client.set("seen", "yes")
        assert by_url.get("seen") == b"yes"
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_redis_comes_back_after_stop_on_the_same_port(new_redis) -> None:
    server = new_redis()
    before = server.url
    server.stop()
    with server.client() as client, pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    with server.client() as client:
        assert client.ping()
    assert server.url == before


def test_paused_redis_keeps_the_connection_open_and_is_silent(new_redis) -> None:
    server = new_redis()
    with server.client(socket_timeout=0.2) as client:
        client.ping()
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()


def test_options_reach_redis_and_data_survives_a_crash_with_aof(new_redis) -> None:
    server = new_redis(appendonly="yes", appendfsync="always")
    with server.client() as client:
        client.set("kept", 1)
    server.kill()
    server.start()
    with server.client() as client:
        assert client.get("kept") == b"1"


def test_shards_are_another_server(redis_server: RedisServer, redis_shards: RedisServer) -> None:
    assert redis_shards.port != redis_server.port
    with redis_shards.client() as client:
        assert client.ping()


def test_cluster_spreads_keys_over_three_nodes(redis_cluster) -> None:
    with redis_cluster.client() as client:
        for number in range(60):
            client.set(f"key:{number}", number)
        assert [client.get(f"key:{number}") for number in range(60)] == [str(number).encode() for number in range(60)]
    for node in redis_cluster.nodes:
        with node.client() as client:
            assert client.dbsize() > 0


def test_postgres_takes_queries_and_databases_of_a_test_are_apart(postgres) -> None:
    first, second = postgres.settings(postgres.create_database()), postgres.settings(postgres.create_database())
    assert first["NAME"] != second["NAME"]
    address = {"host": first["HOST"], "port": first["PORT"], "user": first["USER"], "password": first["PASSWORD"]}
    with psycopg.connect(dbname=first["NAME"], **address) as connection:
        connection.execute("CREATE TABLE seen (id int)")
        assert connection.info.server_version >= 130_000
    with psycopg.connect(dbname=second["NAME"], **address) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM seen")


def test_postgres_refuses_a_wrong_password(postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.dsn.replace(postgres.password, "wrong"), connect_timeout=5)


def test_postgres_keeps_what_it_holds_over_a_restart(postgres) -> None:
    name = postgres.create_database()
    postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.dsn, connect_timeout=2)
    postgres.start()
    with psycopg.connect(postgres.dsn) as connection:
        assert (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()


def test_postgres_of_the_wheel_runs_from_a_directory_that_only_its_owner_reads(postgres, tmp_path: Path) -> None:
    if postgres.programs.parent.name != "pginstall":
        pytest.skip("POSTGRES_BIN names a PostgreSQL that cannot be moved")
    site, closed = postgres.programs.parents[2], tmp_path / "closed"
    for name in ("pgserver/pginstall", "pgserver.libs"):
        shutil.copytree(site / name, closed / name, symlinks=True)
    closed.chmod(0o700)
    server = PostgresServer(closed / "pgserver" / "pginstall" / "bin")
    try:
        server.start()
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.close()
    assert not server.directory.exists()


def test_chromium_says_its_version(chromium: str) -> None:
    said = subprocess.run([chromium, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Chrom" in said


@pytest.mark.parametrize(
    ("variable", "find"),
    [
        ("REDIS_SERVER", find_redis),
        ("POSTGRES_BIN", find_postgres),
        ("CHROMIUM", find_chromium),
        ("PROMETHEUS_BIN", find_prometheus),
    ],
)
def test_wrong_override_is_missing_not_ignored(monkeypatch, variable: str, find) -> None:
    monkeypatch.setenv(variable, "/nowhere/at/all")
    with pytest.raises(ServiceMissing, match=variable):
        find()


def test_closed_directory_is_not_open_to_all(tmp_path: Path) -> None:
    program = tmp_path / "closed" / "postgres"
    program.parent.mkdir(mode=0o700)
    program.touch(0o755)
    assert not _open_to_all(program)
    assert _open_to_all(Path("/bin/sh"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_server_ends_with_a_killed_test_run(redis_server: RedisServer) -> None:
    code = (
        "import time; from tests.services import RedisServer\n"
        "server = RedisServer(); server.start()\n"
        "print(server._process.pid, server.directory, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run.stdout as output:
        pid, directory = output.readline().split()
    assert psutil.pid_exists(int(pid))
    assert Path(directory).exists()
    run.send_signal(signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(int(pid))
    own_directory("next").rmdir()
    assert not Path(directory).exists(), "the next to make a directory removes those of the dead"


INNER = """
def test_one(redis_server): pass
def test_two(redis_server): pass
"""


@pytest.mark.parametrize(
    ("require", "code", "said"),
    [
        ("", 0, "service missing: redis: REDIS_SERVER=/nowhere is not a program (2 tests skipped)"),
        ("postgres, redis", 1, "redis is required: REDIS_SERVER=/nowhere is not a program"),
    ],
)
def test_missing_service_is_one_line_or_a_failure(tmp_path: Path, require: str, code: int, said: str) -> None:
    inner = tmp_path / "test_inner.py"
    inner.write_text(INNER)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.conftest", "-q", str(inner)]
    environment = {**os.environ, "REDIS_SERVER": "/nowhere", "REQUIRE": require}
    run = subprocess.run(
        [*command, f"--rootdir={ROOT}", "-c", str(ROOT / "setup.cfg")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == code, run.stdout + run.stderr
    assert said in run.stdout
    assert run.stdout.count("service missing") <= 1
