"""The names of all keys, by shard. The shard's number is the hash tag, so that a shard lives on one cluster node."""

from __future__ import annotations

from functools import cached_property

from ...core.windows import HOUR, floor

FINE, COARSE = b"fine", b"coarse"
"""Fields that hold many cells: of an hour at full resolution, and of a block of hours in ten-minute slots."""

VERSION = b"v"
"""Field of a block: how often it was written."""

BLOCK = 6 * HOUR
"""Hours older than a day share a key: one of its own costs 380 bytes, half as much as an hour that it would hold."""


class ShardKeys:
    """Key names of one shard: `artisan:{3}:state`."""

    def __init__(self, prefix: str, shard: int) -> None:
        self.base = f"{prefix}:{{{shard}}}:"
        self.state = f"{self.base}state"
        """Hash: epoch, position, offset, appended, trimmed, commits, shards, `loss:<reason>`."""
        self.processes = f"{self.base}processes"
        """Hash: epoch; `a:<process>` the last sequence appended and when; `d:<process>` the last drained."""
        self.inbox = f"{self.base}inbox"
        """Stream: p process, s sequence, c sum of bytes so far, b payload."""
        self.totals = f"{self.base}totals"
        """Hash: series id to creation time and packed cell."""
        self.series = f"{self.base}series"
        """Hash: series id to the series as text."""
        self.seen = f"{self.base}seen"
        """Sorted set: series ids by the time of their last commit."""
        self.dirty = f"{self.base}dirty"
        """Hash: hour to the number of the last commit that wrote into it."""
        self.clean = f"{self.base}clean"
        """Hash: hour to the commit number up to which it is rolled up."""
        self.jobs = f"{self.base}jobs"
        """Set: names of jobs."""

    @cached_property
    def guarded(self) -> tuple[str, str, str]:
        """The three keys of the inbox that stand and fall together."""
        return self.state, self.processes, self.inbox

    def cells(self, series_id: str, hour: int) -> str:
        """Hash: `<width>:<start>` to the packed cell, `fine` to an archive; of one series and hour."""
        return f"{self.base}cells:{series_id}:{hour}"

    def block(self, series_id: str, hour: int) -> str:
        """Hash: `coarse` to an archive, `v` to its version; of one series and the block that an hour is in."""
        return f"{self.base}block:{series_id}:{floor(hour, BLOCK)}"

    def hour(self, hour: int) -> str:
        """Set: ids of the series that have cells in an hour."""
        return f"{self.base}hour:{hour}"

    def named(self, name: str) -> str:
        """Set: ids of a metric's series."""
        return f"{self.base}named:{name}"

    def gauge(self, series_id: str) -> str:
        """Hash: process to the time and value of its last reading."""
        return f"{self.base}gauge:{series_id}"

    def job(self, name: str) -> str:
        """Hash: a job's lease and the outcome of its runs."""
        return f"{self.base}job:{name}"

    def notes(self, kind: str) -> str:
        """Hash: name to times and value of a note."""
        return f"{self.base}notes:{kind}"
