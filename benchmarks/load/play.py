"""The play: workers record and flush by a simulated clock, the drain and the roll-up follow, and all is read back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load.players import Mix, Players, Totals
from benchmarks.services import StoreServer

HOUR = 3600
DRAIN_ABOVE_BYTES = 8 * 1024 * 1024
"""Of inbox: about what comes between two drains of a deployment that keeps up."""

LOOK_EVERY = 20
"""Workers between two looks at the inbox."""


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: `workers` flush every `flush_s` seconds of simulated time for `length_s` seconds."""

    workers: int
    mix: Mix
    flush_s: int
    length_s: int

    @property
    def turns(self) -> int:
        """How often each worker flushes."""
        return max(1, self.length_s // self.flush_s)


@dataclass(slots=True)
class Costs:
    """Processor seconds by part of the work: of this process, and of the store's server."""

    own_s: Counter[str] = field(default_factory=Counter)
    server_s: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def of(self, part: str, server: StoreServer) -> Iterator[None]:
        """Add what the block uses to a part."""
        own, theirs = time.process_time(), server.cpu_s()
        yield
        self.own_s[part] += time.process_time() - own  # type: ignore[assignment]  # a Counter of floats
        self.server_s[part] += server.cpu_s() - theirs  # type: ignore[assignment]


class Clock:
    """The store's time, and with it the time of every worker."""

    def __init__(self, start: float) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now


def play(wanted: Play, server: StoreServer, said: Callable[[str], None]) -> tuple[Costs, dict[str, Any]]:
    """Play it through; return what it cost and what was found. Raise `AssertionError` where a total is not right."""
    from artisan_monitoring.pipeline.buffer import buffer
    from artisan_monitoring.stores import get_store

    buffer.samplers.clear()  # what this process itself uses is none of a worker's
    store = get_store()
    # The last turn ends now, so that nothing is too old for a store that keeps real time.
    clock = Clock(time.time() // 60 * 60 - wanted.turns * wanted.flush_s)
    start = clock.now
    store.now = clock  # type: ignore[method-assign]
    players, costs = Players(wanted.workers, wanted.mix), Costs()
    before, server_before = server.size_bytes(), server.cpu_s()
    hour = clock.now // HOUR
    for turn in range(wanted.turns):
        _turn(players, turn, clock, server, costs)
        if clock.now // HOUR > hour:
            hour = clock.now // HOUR
            _roll_up(server, costs)
            said(f"{(turn + 1) / wanted.turns:.0%}, {time.process_time():.0f} s of processor time")
        clock.now += wanted.flush_s
    _roll_up(server, costs)
    costs.server_s["append"] = server.cpu_s() - server_before - sum(costs.server_s.values())  # type: ignore[assignment]
    return costs, _found(players.expected(), start, server, server.size_bytes() - before)


def _turn(players: Players, turn: int, clock: Clock, server: StoreServer, costs: Costs) -> None:
    """Let every worker record and flush once, and drain whenever enough waits; at the end drain the rest."""
    for first in range(0, len(players.flushers), LOOK_EVERY):
        some = range(first, min(first + LOOK_EVERY, len(players.flushers)))
        for worker in some:
            with costs.of("record", StoreServer("")):
                _record(players, worker, turn, clock)
            with costs.of("flush", StoreServer("")):
                if not players.flushers[worker].flush():
                    raise AssertionError(f"the store did not take a batch: {players.flushers[worker].problem}")
        _drain(server, costs, above=DRAIN_ABOVE_BYTES)
    _drain(server, costs)
    costs.counts["flushes"] += len(players.flushers)
    costs.counts["deltas"] += len(players.flushers) * players.mix.series


def _record(players: Players, worker: int, turn: int, clock: Clock) -> None:
    from artisan_monitoring.pipeline.buffer import buffer

    # A worker's minutes are cut by the store's clock, as far as it is ahead of its own; the swap begins that minute.
    buffer.clock_offset = clock.now - time.time()
    buffer.swap()
    players.record(worker, turn)


def _drain(server: StoreServer, costs: Costs, above: int = 0) -> None:
    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.stores import get_store

    store = get_store()
    waiting = [store.inbox_stats(shard) for shard in store.reading_shards()]
    size = sum(each.bytes for each in waiting)
    if size <= above:
        return
    costs.counts["inbox_bytes"] += size
    costs.counts["batches"] += sum(each.entries for each in waiting)
    costs.counts["most_inbox_bytes"] = max(size, costs.counts["most_inbox_bytes"])
    with costs.of("drain", server):
        drain()


def _roll_up(server: StoreServer, costs: Costs) -> None:
    from artisan_monitoring.metrics.rollup import flush_metrics

    with costs.of("roll-up", server):
        costs.counts["hours"] += flush_metrics()


def _found(expected: Totals, start: float, server: StoreServer, grown: int) -> dict[str, Any]:
    from artisan_monitoring.stores import get_store

    store = get_store()
    ids = [each.id for each in store.series()]
    cells = store.buckets(ids, start // HOUR * HOUR, store.now() + HOUR)
    beyond = store.losses().get("store_series", 0)
    return {
        "series": len(store.series()),
        "observations": sum(count for count, _ in expected.values()),
        "wrong_totals": _wrong(expected, beyond, ((each.series.id, each.cell) for each in store.totals())),
        "wrong_cells": _wrong(expected, beyond, ((each.series_id, each.cell) for each in cells)),
        "losses": store.losses(),
        "left_in_inbox": sum(store.inbox_stats(shard).entries for shard in store.reading_shards()),
        "store_bytes": grown,
    }


def _wrong(expected: Totals, beyond: int, cells: Any) -> int:
    """Return how many series are not exactly what was recorded; where some lost their tags, whether all are in sum."""
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for key, cell in cells:
        counts[key] += cell.count
        sums[key] += cell.sum
    if beyond:
        whole = sum(count for count, _ in expected.values()), sum(amount for _, amount in expected.values())
        return int((counts.total(), sums.total()) != whole)
    return sum((counts[key], sums[key]) != expected.get(key, (0, 0)) for key in expected.keys() | counts.keys())
