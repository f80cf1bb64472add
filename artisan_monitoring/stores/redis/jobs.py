"""Leases, outcomes of jobs, and notes, all in the first shard."""

from __future__ import annotations

import json
from typing import Any

from ..base import JobRecord, JobRun, Lease, Note
from ..merging import refusing, storable
from .client import RedisClient
from .keys import ShardKeys


def acquire_lease(client: RedisClient, keys: ShardKeys, name: str, holder: str, ttl_s: float) -> Lease | None:
    """Take a lease; see `Store.acquire_lease`."""
    token = client.run("acquire_lease", (keys.job(name), keys.jobs), (name, holder, int(ttl_s * 1000)))
    return None if token is None else Lease(name, holder, int(token))


def release_lease(client: RedisClient, keys: ShardKeys, lease: Lease) -> None:
    """End a lease, if it is still this one."""
    client.run("release_lease", (keys.job(lease.name),), (lease.holder, lease.token))


def record_job(client: RedisClient, keys: ShardKeys, run: JobRun) -> None:
    """Keep the outcome of a run."""
    end = run.started_at + run.duration_s
    args = (run.name, run.runner, repr(run.started_at), repr(run.duration_s), repr(end), storable(run.error))
    client.run("record_job", (keys.job(run.name), keys.jobs), args)


def job_records(client: RedisClient, keys: ShardKeys) -> dict[str, JobRecord]:
    """Return what is known of every job that has run."""
    names = sorted(name.decode() for name in client.call("SMEMBERS", keys.jobs))
    rows = client.pipeline([("HGETALL", keys.job(name)) for name in names])
    found: dict[str, JobRecord] = {}
    for name, row in zip(names, rows, strict=True):
        fields = {key.decode(): value.decode() for key, value in row.items()}
        if "runs" in fields:
            found[name] = _record(name, fields)
    return found


def _record(name: str, fields: dict[str, str]) -> JobRecord:
    def number(key: str) -> float:
        return float(fields.get(key, 0))

    return JobRecord(
        name, fields.get("runner", ""), number("last_start"), number("last_success"), number("last_duration_s"),
        fields.get("last_error", ""), int(number("runs")), int(number("failures")),
    )  # fmt: skip


def set_note(client: RedisClient, keys: ShardKeys, kind: str, name: str, value: dict[str, Any], ttl_s: float) -> None:
    """Write a note."""
    with refusing():
        text = json.dumps(value)
    client.run("set_note", (keys.notes(kind),), (name, int(ttl_s * 1000), text))


def notes(client: RedisClient, keys: ShardKeys, kind: str) -> dict[str, Note]:
    """Return the notes of a kind that have not expired."""
    rows = client.run("read_notes", (keys.notes(kind),))
    return {
        name.decode(): Note(json.loads(row.split(b" ", 2)[2]), max(0, age) / 1000) for name, age, row in sorted(rows)
    }
