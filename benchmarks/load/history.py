"""A week that is over, laid into a store as packing and roll-up leave it: made by their functions, without the waiting.

Each series has `PER_MINUTE` requests a minute, in hours of a few kinds that take turns. The archives are those of
`repacked`, the rows those of the roll-up; only the drain's work on a week of minutes is left out, which
`benchmarks.load --days` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HOUR, DAY, HOURS = 3600, 86_400, 168
REQUESTS = "http.server.request.duration"
PER_MINUTE = 30
PER_METRIC = 2000
"""What a process may have of one metric."""

PROFILES = 7
"""Different hours, in turn: more than a block of the Redis store has, which would shrink if it held one twice."""

ROWS = 500


@dataclass(frozen=True, slots=True)
class Made:
    """One hour of one series: its minutes, and what is left of them in a roll-up."""

    minutes: list[Any]
    whole: Any


def series_of(count: int) -> list[Any]:
    """Return the series of a site: requests of as many routes as half of them, and beyond 2,000 other metrics."""
    from artisan_monitoring.core.series import Series

    def one(number: int) -> Any:
        method = ("http.request.method", "GET" if number % 2 else "POST")
        if number >= PER_METRIC:
            return Series(f"shop.work.{number // PER_METRIC}", "distribution", "s", (method, ("step", str(number))))
        status = ("http.response.status_code", "500" if number % 20 == 1 else "200")
        return Series(REQUESTS, "distribution", "s", (method, status, ("http.route", f"shop/part{number // 2}/<pk>/")))

    return [one(number) for number in range(count)]


def made_hours() -> list[Made]:
    """Return the profiles."""
    from artisan_monitoring.core.histogram import COARSE_SCHEMA, SECONDS_BOUNDS, Cell

    hours = []
    for number in range(PROFILES):
        chance = random.Random(number)  # the same each time
        minutes, whole = [], Cell()
        for _ in range(60):
            cell = Cell()
            for _ in range(PER_MINUTE):
                cell.observe(chance.lognormvariate(-3, 0.5), SECONDS_BOUNDS)
            minutes.append(cell)
            whole.merge(cell.copy())  # merging may coarsen what is merged
        whole.coarsen(COARSE_SCHEMA)
        hours.append(Made(minutes, whole))
    return hours


def archives(hours: Sequence[Made], start: int, *, coarse: bool) -> list[bytes]:
    """Return an hour's archive of each profile."""
    from artisan_monitoring.core.packing import pack_cell
    from artisan_monitoring.stores.hours import repacked

    found = []
    for made in hours:
        minutes = [(start + 60 * n, 60, pack_cell(cell)) for n, cell in enumerate(made.minutes)]
        packed, _ = repacked("", start, minutes, (), {}, coarse=coarse)
        if packed is None:
            raise AssertionError("an hour does not fit an archive")
        found.append(packed)
    return found


def lay_cells(store: Any, series: Sequence[Any], hours: Sequence[Made], starts: Sequence[int], *, coarse: bool) -> None:
    """Put the archives of some hours into the store; in Redis old hours share one with the others of their block."""
    if coarse and hasattr(store, "client"):
        _lay_blocks(store, series, hours, starts)
        return
    lay = _into_redis if hasattr(store, "client") else _into_tables
    for start in starts:
        packed = archives(hours, start, coarse=coarse)
        turn = start // HOUR
        rows = [(each.id, packed[(number + turn) % PROFILES]) for number, each in enumerate(series)]
        lay(store, rows, start, coarse=coarse)


def _lay_blocks(store: Any, series: Sequence[Any], hours: Sequence[Made], starts: Sequence[int]) -> None:
    from artisan_monitoring.stores.hours import repacked
    from artisan_monitoring.stores.redis.keys import BLOCK
    from artisan_monitoring.stores.redis.upkeep import block_expiry

    keys = store._of(0)
    for block in sorted({start // BLOCK * BLOCK for start in starts}):
        packed = {start: archives(hours, start, coarse=True) for start in starts if start // BLOCK * BLOCK == block}
        whole = [
            repacked(
                "", block, (), [each[(n + start // HOUR) % PROFILES] for start, each in packed.items()], {}, coarse=True
            )[0]
            for n in range(PROFILES)
        ]
        for at in range(0, len(series), ROWS):
            commands: list[tuple[Any, ...]] = []
            for number, each in enumerate(series[at : at + ROWS], at):
                name = keys.block(each.id, block)
                commands.append(("HSET", name, "coarse", whole[number % PROFILES], "v", len(packed)))
                commands.append(("EXPIREAT", name, block_expiry(block)))
            store.client.pipeline(commands)


def _into_redis(store: Any, archives: Sequence[tuple[str, bytes]], start: int, *, coarse: bool) -> None:
    keys, expiry = store._of(0), start + 7 * DAY + 2 * HOUR
    for at in range(0, len(archives), ROWS):
        some = archives[at : at + ROWS]
        commands: list[tuple[Any, ...]] = []
        for series_id, packed in some:
            name = keys.cells(series_id, start)
            commands += [("HSET", name, "coarse" if coarse else "fine", packed), ("EXPIREAT", name, expiry)]
        commands.append(("SADD", keys.hour(start), *(series_id for series_id, _ in some)))
        commands.append(("EXPIREAT", keys.hour(start), expiry))
        store.client.pipeline(commands)


def _into_tables(store: Any, archives: Sequence[tuple[str, bytes]], start: int, *, coarse: bool) -> None:
    from artisan_monitoring.models import MetricBucket
    from artisan_monitoring.stores.connection import own_connection

    form = MetricBucket.Form.COARSE if coarse else MetricBucket.Form.FINE
    rows = [MetricBucket(series_id=key, start=start, width=HOUR, form=form, cell=packed) for key, packed in archives]
    with own_connection(store.alias):
        MetricBucket.objects.using(store.alias).bulk_create(rows, batch_size=ROWS)


def lay_rollups(series: Sequence[Any], hours: Sequence[Made], starts: Sequence[int]) -> int:
    """Write the roll-ups of some hours and of their whole days; return how many rows there are now."""
    from artisan_monitoring.conf import get_settings
    from artisan_monitoring.metrics import rollup
    from artisan_monitoring.models import MetricRollup
    from artisan_monitoring.stores.connection import own_connection

    using = get_settings().DATABASE
    hour_cells = _rolled(series, hours, 1)
    day_cells = _rolled(series, hours, 24)
    days = {start // DAY * DAY for start in starts}
    whole = [day for day in sorted(days) if all(day + n * HOUR in starts for n in range(24))]
    with own_connection(using):
        for cells, width, begins in ((hour_cells, HOUR, starts), (day_cells, DAY, whole)):
            for start in begins:
                rows = rollup._rows(cells, start, width, 1)
                MetricRollup.objects.using(using).bulk_create(rows, batch_size=ROWS)
        return int(MetricRollup.objects.using(using).count())


def _rolled(series: Sequence[Any], hours: Sequence[Made], times: int) -> dict[Any, tuple[str, Any]]:
    from artisan_monitoring.metrics import rollup

    cells: dict[Any, tuple[str, Any]] = {}
    for number, each in enumerate(series):
        for key in rollup._keys(each):
            for _ in range(times):
                if key in cells:
                    cells[key][1].merge(hours[number % PROFILES].whole)
                else:
                    cells[key] = (each.text if key[3] else "", hours[number % PROFILES].whole.copy())
    return cells


def batches(series: Sequence[Any], hours: Sequence[Made], start: int) -> Iterator[list[tuple[Any, Any]]]:
    """Yield the minutes of an hour as one worker's cells, to be sent the real way."""
    for minute in range(60):
        yield [(each, hours[number % PROFILES].minutes[minute].copy()) for number, each in enumerate(series)]
