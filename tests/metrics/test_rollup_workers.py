"""Two workers roll the same hour up at once, on SQLite and on PostgreSQL: the newer version stays, whole."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import pytest

from artisan_monitoring.core.windows import HOUR
from artisan_monitoring.metrics import rollup
from artisan_monitoring.models import MetricRollup
from artisan_monitoring.stores.connection import close_own_connections, own_connection
from tests.stores.backends import database_backend
from tests.stores.build import added
from tests.stores.conftest import postgres_alias, sqlite_alias  # noqa: F401  # the fixtures


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_of_two_workers_that_write_an_hour_at_once_the_newer_one_is_kept(
    kind: str, request: pytest.FixtureRequest, django_db_blocker: Any
) -> None:
    alias = request.getfixturevalue(f"{kind}_alias")
    with django_db_blocker.unblock(), database_backend(alias, nullcontext):
        for hour in range(0, 6 * HOUR, HOUR):
            together, failures = threading.Barrier(2), []

            def write(version: int, hour: int = hour, together: Any = together, failures: Any = failures) -> None:
                cells = {("orders", "counter", "1", f"{n:016}", "", ""): ("text", added(version)) for n in range(150)}
                try:
                    together.wait(20)
                    rollup._write(cells, hour, HOUR, version)
                except BaseException as exc:
                    failures.append(exc)
                finally:
                    close_own_connections()

            threads = [threading.Thread(target=write, args=(version,)) for version in (1, 2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []
            with own_connection(alias):
                rows = MetricRollup.objects.using(alias).filter(start=hour)
                assert set(rows.values_list("version", "sum")) == {(2, 2.0)}
                assert rows.count() == 150
