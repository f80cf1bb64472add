"""Tags by share: what samples have in common, the rest as others, and no list of ids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.errors.shares import shares


def test_values_come_by_share_and_the_rest_is_others():
    samples = [{"region": name} for name in "aaaabbbccdefg" for _ in range(5)]
    (tag,) = shares(samples)
    assert [(share.value, share.count, share.per_cent) for share in tag.shares] == [
        ("a", 20, 31), ("b", 15, 23), ("c", 10, 15), ("d", 5, 8), ("", 15, 23),
    ]  # fmt: skip


def test_mostly_unique_values_are_counted_and_not_listed():
    (tag,) = shares([{"order": str(n)} for n in range(10)])
    assert (tag.shares, tag.different) == ((), 10)


def test_few_samples_are_listed_though_all_differ():
    (tag,) = shares([{"order": str(n)} for n in range(3)])
    assert len(tag.shares) == 3


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("123456789"), max_size=3), max_size=40))
def test_no_sample_is_lost(samples):
    for tag in shares(samples):
        assert tag.count == sum(tag.name in sample for sample in samples)
        if not tag.different:
            assert sum(share.count for share in tag.shares) == tag.count
