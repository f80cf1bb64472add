"""What the pipeline knows of itself: this process' figures, and all processes' together."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from typing import Any

from .. import conf
from ..core import guard
from ..core.guard import guarded
from ..logs import counters
from ..stores import get_store
from ..stores.base import Store
from .buffer import buffer
from .flusher import flusher, reporters
from .housekeeper import housekeeper
from .jobs import job_states
from .overhead import overhead

NOTE = "process"
REPORT_EVERY_S = 15.0
NOTE_TTL_S = 120.0


def self_stats() -> dict[str, Any]:
    """Return this process' figures; cheap, no I/O. Ages and durations in seconds."""
    now = time.time()
    registry = buffer.registry
    return {
        "process": flusher.process,
        "pid": os.getpid(),
        "host": conf.get_settings().HOST or socket.gethostname(),
        "started_at": flusher.started_at,
        "series": registry.size,
        "records_waiting": buffer.records,
        "cells_waiting": flusher.waiting_cells,
        "flushes": flusher.flushes,
        "last_flush_age_s": now - flusher.last_flush if flusher.last_flush else None,
        "flush_duration_s": flusher.last_duration_s,
        "batches_sent": flusher.sent_batches,
        "store_errors": flusher.store_errors,
        "breaker": flusher.breaker,
        "clock_skew_s": flusher.skew_s,
        "overflowed": registry.overflowed,
        "dropped": {reason: count for reason, count in buffer.dropped.items() if count},
        "guarded_failures": dict(guard.failures),
        "log_records": dict(counters.records),
        "log_lines_lost": counters.dropped + counters.write_errors,
        "overhead": overhead.stats(),
        "threads": {"flusher": flusher.running, "housekeeper": housekeeper.running, "leads": housekeeper.leading},
    }


def deployment_stats(store: Store | None = None) -> dict[str, Any]:
    """Return the figures of all processes that reported within two minutes, merged, with the inbox and the jobs.

    Raise `StoreUnavailable` where the store cannot be asked.
    """
    store = store or get_store()
    reports = [note.value for note in store.notes(NOTE).values()]
    dropped: Counter[str] = Counter()
    log_records: Counter[str] = Counter()
    overheads = [each.get("overhead") or {} for each in reports]
    for each in reports:
        dropped.update(each.get("dropped") or {})
        log_records.update(each.get("log_records") or {})
    inboxes = [store.inbox_stats(shard) for shard in store.reading_shards()]
    return {
        "processes": len(reports),
        "series": max((each.get("series", 0) for each in reports), default=0),
        "cells_waiting": sum(each.get("cells_waiting", 0) for each in reports),
        "store_errors": sum(each.get("store_errors", 0) for each in reports),
        "overflowed": sum(each.get("overflowed", 0) for each in reports),
        "dropped": dict(dropped),
        "log_lines_lost": sum(each.get("log_lines_lost", 0) for each in reports),
        "log_records": dict(log_records),
        "overhead_p99_s": max((float(each.get("p99_s", 0.0)) for each in overheads), default=0.0),
        "overhead_off": max((list(each.get("off", ())) for each in overheads), key=len, default=[]),
        "losses": store.losses(),
        "clock_skew_s": max((abs(each.get("clock_skew_s", 0.0)) for each in reports), default=0.0),
        "flush_duration_s": max((each.get("flush_duration_s", 0.0) for each in reports), default=0.0),
        "inbox_entries": sum(each.entries for each in inboxes),
        "inbox_bytes": sum(each.bytes for each in inboxes),
        "lag_s": max((each.oldest_age_s for each in inboxes), default=0.0),
        "jobs_overdue": [state.name for state in job_states() if state.overdue],
    }


_reported_at = 0.0


def report_to(store: Store) -> None:
    """Leave this process' figures in the store as a note, at most every 15 s. Called by the flusher after a flush."""
    global _reported_at
    now = time.monotonic()
    if now - _reported_at < REPORT_EVERY_S:
        return
    _reported_at = now
    with guarded("selfstats.report"):
        store.set_note(NOTE, flusher.process, self_stats(), NOTE_TTL_S)


reporters.append(report_to)
