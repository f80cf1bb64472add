"""A noisy group cannot push a rare one out, and what is left of each is spread evenly."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from artisan_monitoring.core.relevance import AGES, age_class, evictions, irrelevance, youngest_of


def test_first_sample_is_fully_relevant_and_each_doubling_costs_at_most_one():
    assert irrelevance(0, 12345) == 0
    for stored in (1, 10, 1_000, 100_000):
        values = [irrelevance(stored, chance) for chance in range(2 * stored + 1)]
        assert max(values) <= (2 * stored).bit_length()
        assert min(values) == 0


def test_age_classes_begin_where_they_say():
    for age in range(AGES):
        assert age_class(youngest_of(age) + 1) == age
    assert age_class(10**12) == AGES - 1
    assert age_class(-5) == 0


stored = st.dictionaries(
    st.tuples(st.integers(0, AGES - 1), st.integers(0, 20)), st.integers(0, 500), max_size=40
)  # fmt: skip


@given(stored, st.integers(-10, 5_000))
def test_takes_as_many_as_asked_and_the_least_relevant(stored, surplus):
    chosen = evictions(stored, surplus)
    assert sum(each.count for each in chosen) == max(0, min(surplus, sum(stored.values())))
    taken = Counter({(each.age, each.irrelevance): each.count for each in chosen})
    worst_left = max((sum(key) for key, count in stored.items() if count > taken[key]), default=-1)
    assert all(each.age + each.irrelevance >= worst_left for each in chosen)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(2_000, 6_000))
def test_rare_groups_keep_all_while_a_noisy_one_pays(seed, rare, noisy):
    chance = random.Random(seed)
    samples = [("noisy", irrelevance(n, chance.getrandbits(122))) for n in range(noisy)]
    samples += [(f"rare-{n}", irrelevance(k, chance.getrandbits(122))) for n in range(rare) for k in range(3)]
    counted = Counter((0, worth) for _, worth in samples)
    cap = 500 + 3 * rare
    lost = Counter()
    for each in evictions(counted, len(samples) - cap):
        alike = [name for name, worth in samples if worth == each.irrelevance]
        lost.update(alike[: each.count])
    assert set(lost) <= {"noisy"}
