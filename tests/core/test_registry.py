"""A process' series stay within limits; what goes over shares one series and is counted."""

from __future__ import annotations

import pytest

from artisan_monitoring.core.registry import Registry
from artisan_monitoring.core.series import OVERFLOW


def test_beyond_the_limit_of_a_metric_new_series_share_the_overflow() -> None:
    registry = Registry(per_metric=3)
    metric = registry.metric("m", "counter", "count", "max")
    assert metric is not None

    results = [registry.resolve(metric, (("n", str(number)),)) for number in range(5)]

    assert [over for _, over in results] == [False, False, False, True, True]
    assert results[3][0] is results[4][0]
    assert results[4][0].series.tags == OVERFLOW
    assert registry.resolve(metric, (("n", "1"),)) == (results[1][0], False)


def test_beyond_the_limit_of_the_process_too() -> None:
    registry = Registry(series=2)
    for name in ("a", "b", "c"):
        metric = registry.metric(name, "counter", "count", "max")
        assert metric is not None
        _, over = registry.resolve(metric, (("x", "y"),))
    assert over


def test_too_many_names_have_no_metric() -> None:
    registry = Registry(metrics=1)

    assert registry.metric("a", "counter", "count", "max") is not None
    assert registry.metric("b", "counter", "count", "max") is None
    assert registry.metric("a", "counter", "count", "max") is not None


def test_a_name_cannot_be_two_things() -> None:
    registry = Registry()
    registry.metric("a", "counter", "count", "max")

    with pytest.raises(ValueError, match="is a counter"):
        registry.metric("a", "distribution", "s", "max")


def test_idle_series_make_room() -> None:
    registry = Registry(per_metric=1)
    metric = registry.metric("m", "counter", "count", "max")
    assert metric is not None
    registry.resolve(metric, (("n", "1"),))

    assert registry.forget_idle(before=1.0) == 1
    assert registry.resolve(metric, (("n", "2"),))[1] is False
