"""`manage.py monitoring_selftest` tells a right installation from a broken one, and what to do about that."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import new_site, prepared  # noqa: F401  # fixtures
from tests.e2e.servers import Site
from tests.services import RedisServer

LINE = re.compile(r"^(ok|FAILED) +(\S.*?)  +(\S.*)$", re.MULTILINE)
PARTS = {
    "write", "flush", "metric", "error", "redaction", "security event", "middleware", "health endpoints", "admin",
    "jobs", "log", "clean up",
}  # fmt: skip


def run(site: Site) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Run the command; return its exit code, the table by part, and all it wrote."""
    done = site.manage("monitoring_selftest", timeout_s=120)
    table = {part: (mark, detail) for mark, part, detail in LINE.findall(done.stdout)}
    return done.returncode, table, done.stdout + done.stderr


@pytest.mark.parametrize("store", ["database", "redis"])
def test_a_right_installation_passes_every_part_and_is_left_clean(
    new_site: Callable[..., Site],  # noqa: F811
    redis_server: RedisServer,
    store: str,
) -> None:
    more = {"REDIS_URL": redis_server.url} if store == "redis" else {}
    with redis_server.client() as client:
        client.flushall()
    site = new_site(ENVIRONMENT="staging", **more)
    code, table, output = run(site)

    assert code == 0, output
    assert set(table) == PARTS
    assert {mark for mark, _ in table.values()} == {"ok"}
    assert f"{len(PARTS)} ok, 0 failed" in output
    assert "Traceback" not in output
    # Nothing of it is left that a person would have to delete.
    left = "from artisan_monitoring.models import ErrorGroup, SecurityEvent\n"
    assert site.ask(f"{left}print(json.dumps([ErrorGroup.objects.count(), SecurityEvent.objects.count()]))") == [0, 0]


def test_missing_tables_are_told(new_site: Callable[..., Site]) -> None:  # noqa: F811
    site = new_site(ENVIRONMENT="staging")
    for file in site.directory.glob("monitoring.sqlite3*"):
        file.unlink()
    code, table, output = run(site)

    assert code == 1
    assert table["flush"][0] == "FAILED"
    assert "migrated" in table["flush"][1]
    assert re.search(r"\d+ ok, [1-9]\d* failed", output)


def test_a_store_that_is_away_is_told(new_site: Callable[..., Site], new_redis: Callable[..., RedisServer]) -> None:  # noqa: F811
    redis = new_redis()
    redis.stop()
    code, table, _ = run(new_site(ENVIRONMENT="staging", REDIS_URL=redis.url))

    assert code == 1
    assert table["flush"][0] == "FAILED"
    assert "reachable" in table["flush"][1]


def test_missing_middleware_is_told(new_site: Callable[..., Site]) -> None:  # noqa: F811
    code, table, _ = run(new_site(ENVIRONMENT="staging", E2E_BARE="1"))

    assert code == 1
    assert [part for part, (mark, _) in table.items() if mark == "FAILED"] == ["middleware"]
    assert "MonitoringMiddleware first in MIDDLEWARE" in table["middleware"][1]
