"""The workers that are played: what each records, through the real handles, and what must be found in the end.

Every worker of a site records the same series, or with `own` series that carry its name, as a host's do. The values are
binary fractions, so that sums are exact in any order.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

GAUGE_EVERY = 50
"""Two series of a hundred are gauges, which every process keeps for itself; the rest half counters, half times."""

PER_METRIC = 250
_chance = random.Random(1)
VALUES = tuple(max(1, round(_chance.lognormvariate(-3, 0.5) * 2**20)) / 2**20 for _ in range(4096))
"""Durations around 50 ms, as requests have them: in a batch they compress no better than real ones."""

Totals = dict[str, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Mix:
    """How much a worker records between two flushes: `times` values of each distribution, one of each other series."""

    series: int
    times: int
    own: bool = False


class Players:
    """Records for any worker through one buffer, and remembers what it recorded. One flusher a worker sends it."""

    def __init__(self, workers: int, mix: Mix) -> None:
        from artisan_monitoring.pipeline.flusher import Flusher

        self.mix = mix
        self.flushers = [Flusher() for _ in range(workers)]
        self.recorded = _Recorded()
        sets = range(workers) if mix.own else (-1,)
        self._lines = [_line(number, worker) for worker in sets for number in range(mix.series)]

    def record(self, worker: int, turn: int) -> None:
        """Record one flush interval of a worker."""
        step, times, recorded = worker * 7 + turn * 3, self.mix.times, self.recorded
        first = worker * self.mix.series if self.mix.own else 0
        for number, (handle, tags) in enumerate(self._lines[first : first + self.mix.series], first):
            kind = handle.kind
            if kind == "counter":
                amount = (step + number) % 5 + 1
                handle.add(amount, tags)
                recorded.add(number, 1, amount)
            elif kind == "gauge":
                handle.set(step % 17, tags)
                recorded.add(number, 1, step % 17)
            else:
                some = [VALUES[(step * 31 + number * 17 + 5 * k) % len(VALUES)] for k in range(times)]
                for value in some:
                    handle.observe(value, tags)
                recorded.add(number, times, sum(some))

    def expected(self) -> Totals:
        """Return count and sum of everything recorded, by series id."""
        found = self.recorded
        ids = [handle.live(tags).series.id for handle, tags in self._lines]
        return {key: (found.counts[number], found.sums[number]) for number, key in enumerate(ids)}


@dataclass(slots=True)
class _Recorded:
    counts: Counter[int] = field(default_factory=Counter)
    sums: Counter[int] = field(default_factory=Counter)

    def add(self, number: int, count: int, amount: float) -> None:
        self.counts[number] += count
        self.sums[number] += amount  # type: ignore[assignment]  # a Counter of floats


def _line(number: int, worker: int):  # type: ignore[no-untyped-def]  # the package may not be imported before Django is set up
    from artisan_monitoring import metrics_collector

    kind = "gauge" if number % GAUGE_EVERY == 0 else "counter" if number % 2 else "distribution"
    name = f"load.{kind}.{number // PER_METRIC}"
    tags = (("endpoint", f"/api/{number}"), *([("host", f"web-{worker}")] if worker >= 0 else []), ("method", "GET"))
    return metrics_collector.handle(name, unit="s" if kind == "distribution" else "count", kind=kind), tags
