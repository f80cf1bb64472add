"""Hosts: the newest reading of each figure, the fullest disk, and who has fallen silent."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.dashboard import hosts as module
from artisan_monitoring.dashboard.hosts import CPU, DISK, HOST, LOAD, MEMORY, MOUNTPOINT, hosts
from artisan_monitoring.stores.base import Commit, Cursor

pytestmark = pytest.mark.django_db(databases="__all__")


def say(
    store, name: str, value: float, host: str = "web-1", process: str = "p1", ago_s: float = 2, **tags: str
) -> None:
    series = Series(name, "gauge", "1", tuple(sorted({HOST: host, **tags}.items())), "max")
    at = store.now() - ago_s
    cell = Cell()
    cell.set(value, at)
    cursor = store.cursor(0)
    new = Cursor(cursor.epoch, cursor.position + 1, 0)
    delta = Delta(series, int(at) // 60 * 60, 60, cell)
    store.commit(Commit(0, cursor, new, [delta], [(series, process, value, at)]))


def rows(**processes: int) -> list[dict]:
    return hosts({name.replace("_", "-"): count for name, count in processes.items()})["rows"]


def test_figures_of_a_host(store):
    for name, value in ((CPU, 0.42), (MEMORY, 0.93), (LOAD, 1.234)):
        say(store, name, value)
    say(store, DISK, 0.3, **{MOUNTPOINT: "/"})
    say(store, DISK, 0.97, **{MOUNTPOINT: "/data"})
    (row,) = rows(web_1=4)
    assert [(each["text"], each["tone"], each["of"]) for each in row["shares"]] == [
        ("42 %", "", ""), ("93 %", "medium", ""), ("97 %", "critical", "/data"),
    ]  # fmt: skip
    assert (row["name"], row["load"], row["processes"], row["silent"]) == ("web-1", "1.23", "4", False)


def test_newest_process_speaks_for_its_host(store):
    say(store, CPU, 0.9, process="before", ago_s=30)
    say(store, CPU, 0.1, process="now", ago_s=1)
    assert rows()[0]["shares"][0]["text"] == "10 %"


def test_silent_host_is_last_and_one_that_is_gone_is_not_there(store):
    say(store, CPU, 0.5, host="a-silent", ago_s=300)
    say(store, CPU, 0.5, host="b-well")
    say(store, CPU, 0.5, host="c-gone", ago_s=3700)
    assert [(row["name"], row["silent"], row["age"]) for row in rows()] == [
        ("b-well", False, "2 s"), ("a-silent", True, "5 min"),
    ]  # fmt: skip


def test_a_hundred_hosts_are_counted_and_twelve_shown(tables, monkeypatch):
    for number in range(20):
        say(tables, CPU, 0.5, host=f"web-{number:02}")
    found = hosts({})
    assert (len(found["rows"]), found["more"]) == (12, 8)


def test_without_readings_there_is_none(store):
    assert hosts({}) == {"rows": [], "more": 0}


def test_limits_are_those_of_the_health_checks():
    from artisan_monitoring.health.checks.host import CpuCheck, DiskCheck, MemoryCheck

    for metric, check in ((CPU, CpuCheck()), (MEMORY, MemoryCheck()), (DISK, DiskCheck())):
        warn, fail = module.LIMITS[metric]
        assert warn * 100 == pytest.approx(check.warn_percent)
        assert fail * 100 == pytest.approx(min(97, check.fail_percent))
