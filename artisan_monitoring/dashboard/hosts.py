"""The machines that report: how busy each is, and when it last said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..conf import get_settings
from ..core.windows import HOUR
from ..stores import get_store
from ..stores.base import GAUGE_SILENCE_FLUSHES, GaugeValue
from . import figures

CPU, MEMORY = "system.cpu.utilization", "system.memory.utilization"
DISK, LOAD = "system.filesystem.utilization", "system.cpu.load_average.1m"
HOST, MOUNTPOINT = "host.name", "system.filesystem.mountpoint"
LIMITS = {CPU: (0.9, 0.97), MEMORY: (0.9, 0.97), DISK: (0.85, 0.95)}
"""Shares that are worth a look, and that alarm: those of the health checks."""

HOSTS = 12
FORGOTTEN_S = float(HOUR)
"""Silent for so long, a machine was taken away: where they come and go, a table of the gone helps nobody."""


@dataclass(slots=True)
class Host:
    """One machine's newest readings by metric; of several file systems the fullest, named in `disk`."""

    name: str
    age_s: float = float("inf")
    values: dict[str, float] = field(default_factory=dict)
    disk: str = ""

    def take(self, metric: str, reading: GaugeValue, mountpoint: str) -> None:
        """Keep a reading."""
        self.age_s = min(self.age_s, reading.age_s)
        if metric != DISK or reading.value >= self.values.get(DISK, 0.0):
            self.values[metric] = reading.value
            self.disk = mountpoint if metric == DISK else self.disk


def hosts(processes: Mapping[str, int]) -> dict[str, object]:
    """Return the machines as shown, with so many `processes` each, those that report first.

    Raise `StoreUnavailable`.
    """
    store = get_store()
    found = _read()
    silent_s = GAUGE_SILENCE_FLUSHES * (get_settings().FLUSH_INTERVAL_S or store.flush_interval_s)
    known = sorted(found, key=lambda each: (each.age_s > silent_s, each.name))
    return {
        "rows": [_shown(each, processes.get(each.name, 0), each.age_s > silent_s) for each in known[:HOSTS]],
        "more": max(0, len(known) - HOSTS),
    }


def _read() -> list[Host]:
    store = get_store()
    series = {each.id: each for name in (CPU, MEMORY, DISK, LOAD) for each in store.series(name)}
    found: dict[str, Host] = {}
    for key, readings in (store.gauges(list(series)) if series else {}).items():
        tags = dict(series[key].tags)
        newest = min(readings, key=lambda each: each.age_s, default=None)
        if newest is not None and newest.age_s <= FORGOTTEN_S and HOST in tags:
            host = found.setdefault(tags[HOST], Host(tags[HOST]))
            host.take(series[key].name, newest, tags.get(MOUNTPOINT, ""))
    return list(found.values())


def _shown(host: Host, processes: int, silent: bool) -> dict[str, object]:
    return {
        "name": host.name,
        "shares": [_share(host, metric) for metric in (CPU, MEMORY, DISK)],
        "load": figures.number(round(host.values[LOAD], 2)) if LOAD in host.values else figures.NOTHING,
        "processes": figures.count(processes),
        "age": figures.age(host.age_s),
        "silent": silent,
    }


def _share(host: Host, metric: str) -> dict[str, object]:
    value = host.values.get(metric)
    return {
        "text": figures.share(value),
        "width": round(100 * min(1.0, max(0.0, value or 0.0)), 1),
        "tone": figures.bad(value, *LIMITS[metric]),
        "of": host.disk if metric == DISK else "",
    }
