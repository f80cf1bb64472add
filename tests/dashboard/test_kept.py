"""An answer is read once for a while, and a failure is not kept."""

from __future__ import annotations

import pytest

from artisan_monitoring.dashboard.kept import Kept, forget
from artisan_monitoring.testing import override_monitoring


def counting():
    numbers = iter(range(100))
    return lambda: next(numbers)


def test_is_read_once_for_each_key():
    kept, read = Kept(60), counting()
    assert [kept.get(key, read) for key in "aabab"] == [0, 0, 1, 0, 1]


def test_is_read_again_when_its_time_is_over():
    kept, read = Kept(0), counting()
    assert [kept.get("a", read) for _ in range(3)] == [0, 1, 2]


def test_does_not_grow():
    kept: Kept[int] = Kept(60, at_most=3)
    for key in range(50):
        kept.get(key, counting())
    assert len(kept._answers) <= 3


def test_failure_is_not_kept():
    kept: Kept[int] = Kept(60)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 7) == 7


def test_other_settings_and_tests_forget():
    kept, read = Kept(60), counting()
    kept.get("a", read)
    with override_monitoring(SERVICE="other"):
        assert kept.get("a", read) == 1
    forget()
    assert kept.get("a", read) == 2
