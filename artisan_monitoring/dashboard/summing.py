"""Making slots and routes out of a window's summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from operator import add

from ..core.series import Series
from ..core.summary import OTHERS, Summary
from ..core.windows import floor
from . import rollups
from .rollups import ROUTE, STATUS
from .tallies import Tally, failed

Summaries = Sequence[tuple[int, int, Summary]]
"""Start and width of a slot, and its summary."""


class Answers:
    """Which series are requests of which route, and which of them failed; series by the numbers of summaries."""

    def __init__(self, name: str, series: Iterable[Series]) -> None:
        self._name = name
        self._failing: dict[tuple[int, ...], list[bool]] = {}
        self.routes: dict[int, str] = {}
        self.failed: set[int] = set()
        self._learn(series)

    def _learn(self, series: Iterable[Series]) -> None:
        for each in series:
            tags, number = dict(each.tags), int(each.id, 16)
            self.routes[number] = tags.get(ROUTE, "")
            if failed(tags.get(STATUS, "")):
                self.failed.add(number)

    def learn(self, numbers: Iterable[int]) -> None:
        """Look up the series that the store has forgotten: they were silent for a week, and roll-ups know them."""
        unknown = [f"{number:016x}" for number in numbers if number not in self.routes and number != OTHERS]
        self._learn(rollups.series_of(self._name, unknown))

    def failures(self, ids: tuple[int, ...], counts: Sequence[int]) -> int:
        """Return how many of the requests in a column of counts failed."""
        failing = self._failing.get(ids)
        if failing is None:
            failing = self._failing[ids] = [number in self.failed for number in ids]
        return sum(compress(counts, failing))


def tally_slots(summaries: Summaries, step_s: int, answers: Answers) -> Tally:
    """Return the requests of summaries in slots of `step_s`. The summaries are consumed."""
    found = Tally()
    answers.learn(set().union(*{summary.ids for *_, summary in summaries}))
    for start, _, summary in summaries:
        slot = found.slot(floor(start, step_s))
        slot.cell.merge(summary.cell)
        slot.failed += answers.failures(summary.ids, summary.counts)
    return found


def add_routes(found: Tally, summaries: Summaries, answers: Answers) -> None:
    """Count the requests of summaries in their routes, which have no cells."""
    sums: dict[tuple[int, ...], tuple[Sequence[int], Sequence[float]]] = {}
    for *_, summary in summaries:
        counts, seconds = sums.get(summary.ids, ((), ()))
        sums[summary.ids] = (
            (list(map(add, counts, summary.counts)), list(map(add, seconds, summary.sums)))
            if counts
            else (summary.counts, summary.sums)
        )
    answers.learn(set().union(*sums))
    for ids, (counts, seconds) in sums.items():
        _add_columns(found, answers, ids, counts, seconds)


def _add_columns(
    found: Tally, answers: Answers, ids: tuple[int, ...], counts: Sequence[int], seconds: Sequence[float]
) -> None:
    for number, count, time_s in zip(ids, counts, seconds, strict=True):
        if count and number in answers.routes:
            route = found.route(answers.routes[number])
            route.count += count
            route.time_s += time_s
            route.failed += count if number in answers.failed else 0
