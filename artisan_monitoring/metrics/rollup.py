"""Rolling closed hours up into the database, one row a series and hour, and pre-merged totals beside them.

A row is overwritten whole under a version check: running it twice, late, or by two workers changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from ..conf import get_settings
from ..core.histogram import COARSE_SCHEMA, Cell, WideCell
from ..core.packing import NotABatch, pack_cell, unpack_cell
from ..core.series import Series
from ..core.summary import Summary, is_summarised, pack_summary, summarise, unpack_summary
from ..core.windows import DAY, FINE_FOR_S, HOUR, MINUTE, floor
from ..models import MetricRollup
from ..pipeline.pacing import breathe
from ..pipeline.purge import delete_in_batches
from ..stores import get_store
from ..stores.base import Store
from ..stores.connection import own_connection
from ..stores.database.sql import upsert

SETTLE_S = 2 * MINUTE
"""An hour is closed this long after it ended: the last flushes have arrived."""

GROUPED_BY = ("http.route", "http.response.status_code", "db.operation.name", "messaging.operation.name", "severity")
"""The tags by which totals are kept: what pages group by."""

ROWS = 200
Key = tuple[str, str, str, str, str, str]
"""name, kind, unit, series id, group, value"""
Kept = Cell | Summary
SUMMARY = "*"
"""The group of the row that holds a metric's summary: no tag that totals are kept by has this key."""


def flush_metrics() -> int:
    """Roll up and pack every closed hour that was written to since, and coarsen those past their fine resolution.

    Return how many hours were rolled up. An hour that cannot be is left dirty, and its exception raised when the others
    are done. The job `flush_metrics`.
    """
    store = get_store()
    now = store.now()
    rolled, problem = 0, None
    for hour, version in sorted(store.dirty_hours().items()):
        if hour + HOUR + SETTLE_S > now:
            continue
        try:
            roll_up_hour(store, hour, version)
        except (DatabaseError, NotABatch) as exc:
            problem = problem or exc
            continue
        # A late delta in an hour that was packed already joins the archive of its age.
        store.pack_hour(hour, coarse=hour + FINE_FOR_S + HOUR <= now)
        store.clean_hour(hour, version)
        rolled += 1
    _pack_old(store, now)
    if problem is not None:
        raise problem
    return rolled


_packed_upto = 0


def _pack_old(store: Store, now: float) -> None:
    """Pack the hour that has just left its first day, and the few before that a pause may have missed."""
    global _packed_upto
    newest = floor(now - FINE_FOR_S, HOUR) - HOUR
    first = max(_packed_upto + HOUR, newest - 6 * HOUR)
    for hour in range(first, newest + HOUR, HOUR):
        store.pack_hour(hour)
        _packed_upto = hour
        breathe()


def roll_up_hour(store: Store, hour: int, version: int) -> int:
    """Write the roll-ups of one hour, and bring its day up to date; return how many rows the hour has."""
    cells = _hour_cells(store, hour)
    _write(cells, hour, HOUR, version)
    roll_up_day(floor(hour, DAY))
    return len(cells)


def roll_up_day(day: int) -> None:
    """Write the roll-ups of a day from those of its hours."""
    version, cells = _day_cells(day)
    _write(cells, day, DAY, version)


def _hour_cells(store: Store, hour: int) -> dict[Key, tuple[str, Kept]]:
    series = {each.id: each for each in store.series()}
    cells: dict[Key, tuple[str, Cell]] = {}
    for each, whole in _whole_hours(store, hour, series):
        for key in _keys(each):
            text = each.text if key[3] else ""
            if key not in cells:
                cells[key] = (text, Cell() if text else WideCell())
            cells[key][1].merge(whole)
        breathe()
    return {**cells, **_summaries(series.values(), cells)}


def _summaries(series: Iterable[Series], cells: Mapping[Key, tuple[str, Cell]]) -> dict[Key, tuple[str, Kept]]:
    """Summarise the cells of the metrics that have summaries."""
    found: dict[Key, list[tuple[Series, Cell]]] = {}
    for each in series:
        key = (each.name, each.kind, each.unit, each.id, "", "")
        if is_summarised(each) and key in cells:
            found.setdefault((*key[:3], "", SUMMARY, ""), []).append((each, cells[key][1]))
    return {key: ("", summarise(members)) for key, members in found.items()}


def _whole_hours(store: Store, hour: int, series: Mapping[str, Series]) -> Iterable[tuple[Series, Cell]]:
    """Return each series that has anything in an hour, with its cells as one: its minutes are merged once, not again
    for each row that it counts in.
    """
    found: dict[str, Cell] = {}
    for bucket in store.buckets(list(series), hour, hour + HOUR):
        bucket.cell.coarsen(COARSE_SCHEMA)
        bucket.cell.exemplars = None
        known = found.get(bucket.series_id)
        if known is None:
            found[bucket.series_id] = bucket.cell
        else:
            known.merge(bucket.cell)
        breathe()
    return [(series[key], cell) for key, cell in found.items()]


def _keys(series: Series) -> Iterable[Key]:
    """Yield the rows a series counts in: its own, its metric's total, and one for each tag that pages group by."""
    head = (series.name, series.kind, series.unit)
    yield (*head, series.id, "", "")
    yield (*head, "", "", "")
    for tag, value in series.tags:
        if tag in GROUPED_BY:
            yield (*head, "", tag, value)


def _day_cells(day: int) -> tuple[int, dict[Key, tuple[str, Kept]]]:
    """Merge a day's hours, so that a late hour makes the day right again; return its version too.

    That is the sum of its hours' versions, which grows with every hour that is added or rolled up again. The number of
    one hour says nothing about the day: an earlier hour may well have been written to last.
    """
    using = get_settings().DATABASE
    cells: dict[Key, tuple[str, Any]] = {}  # a cell, or a summary under a summary's key
    versions: dict[int, int] = {}
    with own_connection(using):
        rows = MetricRollup.objects.using(using).filter(width=HOUR, start__gte=day, start__lt=day + DAY)
        for row in rows.iterator(chunk_size=ROWS):
            key = (row.name, row.kind, row.unit, row.series_id, row.group, row.value)
            versions[row.start] = max(row.version, versions.get(row.start, 0))
            kept = _unpacked(row)
            if key in cells:
                cells[key][1].merge(kept)
            else:
                cells[key] = (row.text, kept)
            breathe()
    return sum(versions.values()), cells


def _unpacked(row: MetricRollup) -> Kept:
    if row.group == SUMMARY:
        return unpack_summary(bytes(row.cell))
    cell = unpack_cell(bytes(row.cell))
    return cell if row.series_id else WideCell.of(cell)


def _write(cells: dict[Key, tuple[str, Kept]], start: int, width: int, version: int) -> None:
    """Overwrite the rows of a slot, unless a newer version is there."""
    using = get_settings().DATABASE
    keys = sorted(cells)
    for at in range(0, len(keys), ROWS):
        with own_connection(using), transaction.atomic(using=using):
            _write_chunk({key: cells[key] for key in keys[at : at + ROWS]}, start, width, version, using)
        breathe()


def _write_chunk(cells: dict[Key, tuple[str, Kept]], start: int, width: int, version: int, using: str) -> None:
    there = _locked_versions(cells, start, width, using)
    old = {key: cells[key] for key, known in there.items() if known <= version}
    new = {key: cells[key] for key in cells if key not in there}
    if new:
        # Rows that nobody has yet cannot be locked: of two workers one inserts them, and the other sees that here.
        MetricRollup.objects.using(using).bulk_create(_rows(new, start, width, version), ignore_conflicts=True)
        inserted = _locked_versions(new, start, width, using)
        old |= {key: cells[key] for key, known in inserted.items() if known < version}
    unique = ("name", "kind", "series_id", "group", "value", "unit", "start", "width")
    upsert(using, _rows(old, start, width, version), unique, ("text", "version", "count", "sum", "cell"))


def _locked_versions(cells: Mapping[Key, tuple[str, Kept]], start: int, width: int, using: str) -> dict[Key, int]:
    """Return the versions of the rows that are there, locked: another worker's may not come before ours are written."""
    # Names, kinds and series lead the index: with them a piece costs what it holds, not what the whole hour does.
    names, kinds, series = ({key[at] for key in cells} for at in (0, 1, 3))
    there = MetricRollup.objects.using(using).select_for_update().filter(name__in=names, kind__in=kinds)
    fields = ("name", "kind", "unit", "series_id", "group", "value", "version")
    rows = there.filter(series_id__in=series, start=start, width=width).order_by("pk").values_list(*fields)
    return {key: version for *parts, version in rows if (key := _key(*parts)) in cells}


def _key(name: str, kind: str, unit: str, series_id: str, group: str, value: str) -> Key:
    return name, kind, unit, series_id, group, value


def _rows(cells: Mapping[Key, tuple[str, Kept]], start: int, width: int, version: int) -> list[MetricRollup]:
    return [
        MetricRollup(
            name=name, kind=kind, unit=unit, series_id=series_id, group=group, value=value, text=text,
            start=start, width=width, version=version, **_columns(kept),
        )
        for (name, kind, unit, series_id, group, value), (text, kept) in cells.items()
    ]  # fmt: skip


def _columns(kept: Kept) -> dict[str, Any]:
    cell, packed = (kept.cell, pack_summary(kept)) if isinstance(kept, Summary) else (kept, pack_cell(kept))
    return {"count": cell.count, "sum": cell.sum, "cell": packed}


def purge_rollups(now: datetime) -> int:
    """Delete roll-ups past `RETENTION["ROLLUPS"]`."""
    chosen = get_settings()
    before = (now - timedelta(days=chosen.RETENTION.ROLLUPS)).timestamp()
    return delete_in_batches(MetricRollup.objects.using(chosen.DATABASE).filter(start__lt=before))
