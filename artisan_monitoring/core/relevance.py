"""Which stored samples tell least: so that the first of a rare error outlive the thousandth of a noisy one.

The idea is Bugsink's: a sample is the less relevant the more alike it were stored before it, by chance and by the
logarithm, and with age. Among the samples of one group an even, thinning spread is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

HOUR = 3_600.0
AGES = 9
"""Age classes: under 3 hours, under 15, 63, 255, ... each four times the one before; the last begins after 7 years."""


def irrelevance(stored_before: int, chance: int) -> int:
    """Return how little one more sample tells: 0 for the first, about log2 of those before it for most others.

    `chance` is any large number of the sample's own (its id): the same sample gets the same answer whoever asks.
    Half of the samples get the highest value possible, a quarter one less, and so on.
    """
    number = chance % (2 * stored_before + 1)
    if not number:
        return 0
    trailing_zeros = (number & -number).bit_length() - 1
    return number.bit_length() - trailing_zeros


def age_class(age_s: float) -> int:
    """Return the age of a sample as irrelevance: log4 of its hours, rounded down.

    >>> [age_class(hours * 3600) for hours in (0, 2.9, 3, 14.9, 15, 24 * 30)]
    [0, 0, 1, 1, 2, 4]
    """
    return max(0, min(AGES - 1, int(log(max(age_s, 0.0) / HOUR + 1, 4) + 1e-9)))


def youngest_of(age: int) -> float:
    """Return the age in seconds at which a class begins."""
    return (4.0**age - 1) * HOUR


@dataclass(frozen=True, slots=True)
class Eviction:
    """Samples of one age class and irrelevance, and how many of them may go (the oldest first)."""

    age: int
    irrelevance: int
    count: int


def evictions(stored: Mapping[tuple[int, int], int], surplus: int) -> list[Eviction]:
    """Choose what goes: `stored` counts samples by (age class, irrelevance), `surplus` is how many are too many.

    Least relevant first, that is by the highest sum of both; of equals the older class first.
    """
    chosen: list[Eviction] = []
    for (age, worth), count in sorted(stored.items(), key=lambda each: (-sum(each[0]), -each[0][0])):
        if surplus <= 0:
            break
        taken = min(count, surplus)
        if taken:
            chosen.append(Eviction(age, worth, taken))
            surplus -= taken
    return chosen
