"""How long the server takes for the error list and an error's page with 100,000 groups, on SQLite and PostgreSQL.

The whole of a request to the admin by a logged-in person, middleware and template included, in one thread.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from benchmarks import child, site
from benchmarks.table import Row, skipped, spread

GROUP = "Error pages, 100,000 groups"
GROUPS, ROUNDS = 100_000, 15
TARGET_MS = 200.0

PAGES = {
    "list": "",
    "list, second page": "?p=2",
    "list, all states, by count": "?state=all&o=-3",
    "list, by users": "?o=-4",
    "list, resolved and critical": "?state=resolved&severity=CRITICAL",
    "list, of a release, new": "?release=1.4.2&seen=new-7d",
    "search, word in most": "?q=shop",
    "search, word in few": "?q=number+4711+copy13x",
    "search, tag": "?q=tenant%3Dt4711",
    "search, word in none": "?q=nowhere-to-be-found",
}


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the time of each page on each database."""
    groups, rounds = (500, 1) if quick else (GROUPS, ROUNDS)
    with ExitStack() as stack:
        for name, database in (("SQLite", None), ("PostgreSQL", _postgres(stack))):
            if name == "PostgreSQL" and database is None:
                yield skipped(GROUP, f"{name}", "no PostgreSQL")
                continue
            taken = child.run(__name__, "measure", database=database, groups=groups, rounds=rounds)
            # SQLite works in this process, so that its processor time is all of it; PostgreSQL is another.
            clock, label = (1, name) if database is None else (0, f"{name}, wall")
            for page, times in taken.items():
                middle, low, high = spread([each[clock] for each in times])
                yield Row(GROUP, f"{label}: {page}", middle, "ms", low, high, TARGET_MS)


def _postgres(stack: ExitStack) -> dict[str, Any] | None:
    """Start the PostgreSQL of the tests and return the settings of a database in it, or None where there is none."""
    from tests.services import PostgresServer, ServiceMissing

    try:
        server = PostgresServer()
    except ServiceMissing:
        return None
    stack.callback(server.close)
    server.start()
    return server.settings(server.create_database())


def measure(*, database: dict[str, Any] | None, groups: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return the milliseconds of each page, by the clock and of the processor, `rounds` times, after one to warm up."""
    _set_up(database)
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    seed(groups)
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    listed = reverse("admin:artisan_monitoring_errorgroup_changelist")
    urls = {name: listed + query for name, query in PAGES.items()}
    urls["page of one error"] = reverse("admin:artisan_monitoring_errorgroup_change", args=[_noisy()])
    return {name: [_milliseconds(client, url) for _ in range(rounds + 1)][1:] for name, url in urls.items()}


def _milliseconds(client: Any, url: str) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    response = client.get(url)
    taken = (time.perf_counter() - began) * 1e3, (time.process_time() - used) * 1e3
    if response.status_code != 200:
        raise RuntimeError(f"{url}: {response.status_code}")
    return taken


def _set_up(database: dict[str, Any] | None) -> None:
    """Configure the tests' own host, which has an admin, on databases of this child."""
    os.environ["TESTS_DIR"] = str(site.directory())
    import django
    from django.conf import settings
    from django.core.management import call_command

    from tests import settings as host

    configured = {name: getattr(host, name) for name in dir(host) if name.isupper()}
    if database is not None:
        configured["DATABASES"] = {**configured["DATABASES"], "monitoring": database}
    settings.configure(**configured)
    django.setup()
    for alias in ("default", "monitoring"):
        call_command("migrate", database=alias, verbosity=0)


def seed(groups: int) -> None:
    """Make groups as a year of a large site leaves them, two hours of counts each, and one with 200 samples."""
    from django.db import connections
    from django.utils import timezone

    from artisan_monitoring.errors.keeping import searchable
    from artisan_monitoring.models import ErrorGroup, ErrorHourlyCount, ErrorRelease

    chance, now = random.Random(1), timezone.now()
    states = [*["open"] * 12, "regressed", *["resolved"] * 5, "muted", "muted"]
    releases = [f"1.{major}.{minor}" for major in range(5) for minor in range(3)]
    ErrorRelease.objects.bulk_create(
        ErrorRelease(name=name, first_seen=now - timedelta(days=2 * age)) for age, name in enumerate(releases[::-1])
    )

    def group(number: int) -> ErrorGroup:
        seen = now - timedelta(seconds=chance.expovariate(1 / 500_000))
        made = ErrorGroup(
            type=f"shop.module{number % 70}.errors.Failure{number % 900}",
            message=f"Order number {number} of customer {chance.random():.12f} could not be delivered to the address",
            culprit=f"shop.module{number % 70}.views in handler_{number % 2000}",
            severity=chance.choice(["LOW", "MEDIUM", "MEDIUM", "HIGH", "HIGH", "CRITICAL"]),
            state=chance.choice(states), count=int(chance.paretovariate(0.7)), users=int(chance.paretovariate(0.9)),
            first_seen=seen - timedelta(days=chance.random() * 30), last_seen=seen,
            first_release=chance.choice(releases), last_release=chance.choice(releases), environment="production",
            mechanism="request", handled=number % 5 == 0,
        )  # fmt: skip
        frames = [{"in_app": True, "file": f"shop/module{number % 70}/views_{n}.py"} for n in range(4)]
        details = {"exception": [{"frames": frames}], "tags": {"tenant": f"t{number % 9000}", "region": "eu"}}
        where = {"route": f"/module{number % 70}/<int:pk>/", "release": made.last_release, "environment": "production"}
        made.search = searchable(made, [{**where, "details": details}])
        return made

    first = min(groups, 5_000)
    ErrorGroup.objects.bulk_create([group(number) for number in range(first)], batch_size=500)
    columns = [field.column for field in ErrorGroup._meta.concrete_fields if not field.primary_key]
    told = [f"{column} || %s" if column in ("message", "search") else column for column in columns]
    table, hours = ErrorGroup._meta.db_table, ErrorHourlyCount._meta.db_table
    hour = now.replace(minute=0, second=0, microsecond=0)
    with connections["monitoring"].cursor() as cursor:
        cursor.execute(f"SELECT max(id) FROM {table}")
        (last,) = cursor.fetchone()
        for copy in range(1, groups // first):
            more = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(told)} FROM {table} WHERE id <= %s"
            cursor.execute(more, [f" copy{copy}x", f" copy{copy}x", last])
        for back in (1, 5):
            counts = f"INSERT INTO {hours} (group_id, hour, count) SELECT id, %s, 3 FROM {table}"
            cursor.execute(counts, [hour - timedelta(hours=back)])
    _sample(_noisy(), now)
    with connections["monitoring"].cursor() as cursor:
        # What PostgreSQL does by itself within minutes.
        cursor.execute("VACUUM ANALYZE" if connections["monitoring"].vendor == "postgresql" else "ANALYZE")


def _noisy() -> int:
    from artisan_monitoring.models import ErrorGroup

    return int(ErrorGroup.objects.order_by("pk").values_list("pk", flat=True)[7])


def _sample(group: int, now: Any) -> None:
    """Keep 200 samples of a group, each with 20 frames of source and variables and 60 steps of a trail."""
    from artisan_monitoring.models import ErrorEvent

    source = [f"    value_{line} = compute(value_{line - 1}, {line})" for line in range(11)]
    frames = [
        {"module": f"shop.m{n}", "function": f"call_{n}", "file": f"shop/m{n}.py", "line": 15, "first_line": 10,
         "source": source, "in_app": n % 3 == 0, "locals": {f"value_{k}": f"<Thing {k} of {n}>" for k in range(10)}}
        for n in range(20)
    ]  # fmt: skip
    trail = [{"at": n / 100, "kind": "query", "text": f"SELECT {n} FROM shop_thing", "ms": 1.5} for n in range(60)]
    details = {
        "exception": [{"type": "Failure", "message": "no", "relation": "raised", "frames": frames}],
        "trail": trail, "trail_at": 0.6, "request": {"method": "GET", "path": "/x/"},
    }  # fmt: skip
    ErrorEvent.objects.bulk_create(
        ErrorEvent(
            group_id=group, event_id=uuid.UUID(int=n), occurred_at=now - timedelta(minutes=n), type="Failure",
            severity="HIGH", release="1.4.2", environment="production", host=f"web-{n % 4}",
            tags={"tenant": f"t{n % 9}"}, details=details,
        )
        for n in range(200)
    )  # fmt: skip
