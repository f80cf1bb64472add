"""Celery on the overview: what tasks cost and how they end, and which workers and beat are alive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Sum

from ..conf import get_settings
from ..core.histogram import Cell
from ..core.packing import unpack_cell
from ..core.series import Series, series_from_text
from ..core.windows import HOUR, floor
from ..health.checks.celery import HeartbeatCheck
from ..models import MetricRollup
from ..stores import get_store
from ..stores.base import Note, Store
from ..stores.connection import own_connection
from . import figures
from .kept import Kept
from .rollups import Rolled
from .traffic import affordable
from .windows import Span

DURATION, WAIT = "messaging.process.duration", "artisan.task.queue_wait"
TASK, OUTCOME = "messaging.operation.name", "artisan.outcome"
FAILED = frozenset({"failure", "aborted"})

TASKS, WORKERS = 8, 12
CELLS_AT_MOST = 10_000
"""A tenth of a second of work; of more series than that, the newest hours."""

_kept: Kept[list[Task]] = Kept(30.0)


@dataclass(slots=True)
class Task:
    """The runs of one task in a window; the cells are complete where it is shown."""

    name: str
    count: int = 0
    failed: int = 0
    duration: Cell = field(default_factory=Cell)
    wait: Cell = field(default_factory=Cell)

    def ran(self, tags: Mapping[str, str], count: int) -> None:
        """Count runs that ended in the same way."""
        self.count += count
        self.failed += count if tags.get(OUTCOME) in FAILED else 0


def celery(span: Span) -> dict[str, Any]:
    """Return tasks, workers and beat as shown; raise `StoreUnavailable` or a database error."""
    store = get_store()
    workers, beat = store.notes("worker"), store.notes("beat")
    ordered = _kept.get(span, lambda: _tasks(store, span))
    return {
        "tasks": [_task(each) for each in ordered[:TASKS]],
        "more": max(0, len(ordered) - TASKS),
        "workers": [_worker(name, note) for name, note in sorted(workers.items())[:WORKERS]],
        "more_workers": max(0, len(workers) - WORKERS),
        "beat": next((_heard(note) for note in beat.values()), None),
        "there": bool(ordered or workers or beat),
    }


def _tasks(store: Store, span: Span) -> list[Task]:
    """Return the tasks of a window, the most frequent first; of those that are shown, with percentiles."""
    durations = store.series(DURATION)
    if not durations:
        return []
    waits = store.series(WAIT)
    now, dirty = store.now(), store.dirty_hours()
    slots = span.slots(now)
    start, end = slots.start, min(slots.stop, floor(now, HOUR) + HOUR)
    hours = range(floor(start, HOUR), end, HOUR)
    rolled = Rolled(
        frozenset(hour for hour in hours if start <= hour and hour + HOUR <= min(end, now) and hour not in dirty)
    )
    found: dict[str, Task] = {}
    with own_connection(get_settings().DATABASE):
        _read_counts(found, rolled)
        pieces = [(max(hour, start), min(hour + HOUR, end)) for hour in hours if hour not in rolled.hours]
        affordable_ones = affordable(pieces, len(durations) + len(waits), now, CELLS_AT_MOST)
        _read_cells(found, store, [*durations, *waits], affordable_ones)
        ordered = sorted(found.values(), key=lambda each: (-each.count, each.name))
        _read_percentiles({each.name: each for each in ordered[:TASKS]}, rolled)
    return ordered


def _of(found: dict[str, Task], tags: Mapping[str, str]) -> Task:
    name = tags.get(TASK, "")
    return found.setdefault(name, Task(name))


def _read_counts(found: dict[str, Task], rolled: Rolled) -> None:
    """Add the runs of the hours that are rolled up, from columns alone."""
    if not rolled.hours:
        return
    rows = MetricRollup.objects.using(get_settings().DATABASE).filter(rolled.slots(), name=DURATION)
    sums = rows.exclude(series_id="").values("series_id").annotate(runs=Sum("count"), definition=Max("text"))
    for definition, runs in sums.values_list("definition", "runs"):
        tags = dict(series_from_text(definition).tags)
        _of(found, tags).ran(tags, int(runs))


def _read_cells(
    found: dict[str, Task], store: Store, series: Iterable[Series], pieces: Iterable[tuple[int, int]]
) -> None:
    known = {each.id: (each.name, dict(each.tags)) for each in series}
    for first, last in pieces if known else ():
        for bucket in store.buckets(list(known), first, last):
            name, tags = known[bucket.series_id]
            bucket.cell.classic = bucket.cell.exemplars = None
            _add(_of(found, tags), name, bucket.cell)
            if name == DURATION:
                _of(found, tags).ran(tags, bucket.cell.count)


def _read_percentiles(shown: Mapping[str, Task], rolled: Rolled) -> None:
    """Add the histograms of the tasks that are shown, from the totals by task."""
    if not rolled.hours:
        return
    rows = MetricRollup.objects.using(get_settings().DATABASE).filter(
        rolled.slots(), name__in=(DURATION, WAIT), series_id="", group=TASK, value__in=list(shown)
    )
    for name, value, packed in rows.values_list("name", "value", "cell"):
        cell = unpack_cell(bytes(packed))
        cell.classic = None
        _add(shown[value], name, cell)


def _add(task: Task, name: str, cell: Cell) -> None:
    (task.duration if name == DURATION else task.wait).merge(cell)


def _task(each: Task) -> dict[str, object]:
    share = each.failed / each.count if each.count else None
    return {
        "name": each.name or "without a name",
        "count": figures.count(each.count),
        "failed": figures.count(each.failed),
        "share": figures.share(share),
        "tone": figures.bad(share, 0.01, 0.05),
        "p95": figures.duration(each.duration.quantile(0.95)),
        "wait": figures.duration(each.wait.quantile(0.95)),
    }


def _heard(note: Note) -> dict[str, object]:
    silent = note.age_s > HeartbeatCheck.fail_after_s
    return {"age": figures.age(note.age_s), "tone": "critical" if silent else "good", "silent": silent}


def _worker(name: str, note: Note) -> dict[str, object]:
    value = note.value
    queues = value.get("queues")
    started = value.get("started_at")
    return {
        **_heard(note),
        "name": str(value.get("hostname", name)),
        "pool": f"{value.get('pool') or '?'} × {value.get('concurrency') or '?'}",
        "queues": ", ".join(map(str, queues)) if isinstance(queues, list) else "",
        "up": figures.age(time.time() - started) if isinstance(started, int | float) else figures.NOTHING,
    }
