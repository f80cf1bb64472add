"""What the machine does: CPU, memory, file systems, load. One process of each host samples it, at its flushes.

Names and units follow OpenTelemetry's semantic conventions, "System metrics"; the load average has none there, and
carries the name that the Collector's hostmetrics receiver gives it.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path

from django.utils.crypto import salted_hmac

from .. import conf
from ..core.guard import guarded, tell
from ..pipeline.pacing import breathe
from .cgroup import cgroup_percent
from .collector import metrics_collector
from .handles import RawTags

SHORTEST_S = 1.0
"""Between two samples: over less, a share of time is noise, and an urgent flush may come at any moment."""

_cpu = metrics_collector.handle("system.cpu.utilization", unit="1", kind="gauge")
_memory = metrics_collector.handle("system.memory.utilization", unit="1", kind="gauge")
_filesystem = metrics_collector.handle("system.filesystem.utilization", unit="1", kind="gauge")
_load = metrics_collector.handle("system.cpu.load_average.1m", unit="{thread}", kind="gauge")


def wanted() -> bool:
    """Say whether host and process are sampled: not in a test run, whose figures nobody wants in its metrics."""
    return conf.get_settings().HOST_METRICS.ENABLED and not conf.in_tests()


def host_tags() -> RawTags:
    """Return the tag that names this host."""
    return (("host.name", conf.get_settings().HOST or socket.gethostname()),)


class Turn:
    """The right to report for this host: a lock on a file in the temp directory, which ends with its holder.

    Where it cannot be had (no such locks, a directory that is read-only) every process reports, and nothing is wrong
    but the cost: they all say the same, and the gauges combine by `max`.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def mine(self) -> bool:
        """Say whether this process reports; it does for as long as it lives."""
        if self._descriptor is not None or conf.get_settings().FLUSH != "thread":
            # A process that flushes after requests may have none for hours: it must not keep others from it.
            return True
        try:
            import fcntl

            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.path(), flags, 0o600)
        except (ImportError, OSError):
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def path(self) -> Path:
        """Return the lock's file: one for each user and store, so that two sites on a machine do not share it."""
        # Keyed, since the store's options may hold a password and the file's name is there for all to read.
        keyed = salted_hmac("artisan_monitoring.host", repr(vars(conf.get_settings().STORE)), algorithm="sha256")
        name = keyed.hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"artisan-host-{os.getuid()}-{name}.lock"

    def give_up(self) -> None:
        """Let go; in a forked child this leaves the parent's lock as it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Host:
    """The sampler, with what it needs to remember between two samples."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child does."""
        self.turn.give_up()
        self._sampled_at = 0.0
        self._cpu: tuple[float, float] | None = None

    def sample(self) -> None:
        """Set the host's gauges, if it is this process' turn."""
        if not wanted():
            self.turn.give_up()
            return
        now = time.monotonic()
        if now - self._sampled_at < SHORTEST_S or not self.turn.mine():
            return
        self._sampled_at = now
        tags = host_tags()
        for figure in (self._sample_cpu, _sample_memory, _sample_load, _sample_filesystems):
            with guarded(f"host.{figure.__name__.lstrip('_')}"):
                figure(tags)
            breathe()

    def _sample_cpu(self, tags: RawTags) -> None:
        before, self._cpu = self._cpu, _cpu_times()
        if before is None:
            return
        busy, total = self._cpu[0] - before[0], self._cpu[1] - before[1]
        if total > 0:
            _cpu.set(min(1.0, max(0.0, busy / total)), tags)


def _cpu_times() -> tuple[float, float]:
    """Return the seconds in which processors were busy, and all seconds, since the machine started."""
    import psutil

    times = psutil.cpu_times()
    # Linux counts the time of guests in that of users too.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _sample_memory(tags: RawTags) -> None:
    limited = cgroup_percent()
    if limited is None:
        import psutil

        limited = float(psutil.virtual_memory().percent)
    _memory.set(limited / 100, tags)


def _sample_load(tags: RawTags) -> None:
    if hasattr(os, "getloadavg"):
        _load.set(os.getloadavg()[0], tags)


def _sample_filesystems(tags: RawTags) -> None:
    import psutil

    for path in conf.get_settings().HOST_METRICS.FILESYSTEMS:
        try:
            percent = psutil.disk_usage(path).percent
        except OSError as exc:
            tell("host.filesystem", exc)
            continue
        _filesystem.set(percent / 100, (*tags, ("system.filesystem.mountpoint", path)))


host = Host()

os.register_at_fork(after_in_child=host.reset)
