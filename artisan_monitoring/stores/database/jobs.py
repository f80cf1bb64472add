"""Leases, outcomes of jobs, and notes, in tables."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from ...models import JobLease, StoredNote
from ..base import JobRecord, JobRun, Lease, Note
from ..merging import storable
from .sql import Clock, upsert


def acquire_lease(alias: str, name: str, holder: str, ttl_s: float) -> Lease | None:
    """Take a lease that is free, has run out, or is the holder's already; the token grows each time."""
    rows = JobLease.objects.using(alias)
    with transaction.atomic(using=alias):
        free = rows.filter(Q(expires_at__lte=Clock()) | Q(holder=holder), name=name)
        taken = {"holder": holder, "token": F("token") + 1, "expires_at": Clock() + ttl_s}
        if not free.update(**taken):
            rows.bulk_create([JobLease(name=name)], ignore_conflicts=True)
            if not free.update(**taken):
                return None
        return Lease(name, holder, rows.values_list("token", flat=True).get(name=name))


def release_lease(alias: str, lease: Lease) -> None:
    """End a lease, if it is still this one."""
    rows = JobLease.objects.using(alias).filter(name=lease.name, holder=lease.holder, token=lease.token)
    rows.update(expires_at=0)


def record_job(alias: str, run: JobRun) -> None:
    """Keep the outcome of a run."""
    rows = JobLease.objects.using(alias)
    outcome: dict[str, Any] = {
        "runner": run.runner,
        "last_start": run.started_at,
        "last_duration_s": run.duration_s,
        "last_error": storable(run.error),
        "runs": F("runs") + 1,
    }
    if run.error:
        outcome["failures"] = F("failures") + 1
    else:
        outcome["last_success"] = run.started_at + run.duration_s
    with transaction.atomic(using=alias):
        rows.bulk_create([JobLease(name=run.name)], ignore_conflicts=True)
        rows.filter(name=run.name).update(**outcome)


def job_records(alias: str) -> dict[str, JobRecord]:
    """Return what is known of every job that has run."""
    fields = ("name", "runner", "last_start", "last_success", "last_duration_s", "last_error", "runs", "failures")
    rows = JobLease.objects.using(alias).filter(runs__gt=0).order_by("name").values_list(*fields)
    return {row[0]: JobRecord(*row) for row in rows}


def set_note(alias: str, kind: str, name: str, value: dict[str, Any], ttl_s: float, clock: float) -> None:
    """Write a note."""
    note = StoredNote(kind=kind, name=name, value=json.dumps(value), written_at=clock, expires_at=clock + ttl_s)
    upsert(alias, [note], ("kind", "name"), ("value", "written_at", "expires_at"))


def notes(alias: str, kind: str) -> dict[str, Note]:
    """Return the notes of a kind that have not expired."""
    rows = StoredNote.objects.using(alias).filter(kind=kind, expires_at__gt=Clock()).order_by("name")
    ages = rows.values_list("name", "value", Clock() - F("written_at"))
    return {name: Note(json.loads(value), max(0.0, age)) for name, value, age in ages}
