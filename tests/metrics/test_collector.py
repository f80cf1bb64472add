"""The metrics API: sync and awaited, timings of every form, and every value a caller could come up with."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from artisan_monitoring import metrics_collector
from artisan_monitoring.core import context
from artisan_monitoring.core.series import OVERFLOW
from artisan_monitoring.exceptions import InvalidMetric
from artisan_monitoring.metrics.collector import MetricsCollector
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.testing import CapturedMetrics, override_monitoring


class Hostile:
    """Raises whatever is asked of it."""

    def __fail(self, *args: object) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __hash__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __fail


class Scalar:
    """As a number of numpy: compares and converts, and adds only to its own kind."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return float(self.value)

    def __le__(self, other: float) -> bool:
        return self.value <= other

    def __ge__(self, other: float) -> bool:
        return self.value >= other

    def __radd__(self, other: object) -> float:
        raise TypeError("only Scalars can be added")


@pytest.fixture(autouse=True)
def _fresh(captured_metrics: CapturedMetrics) -> Iterator[None]:
    """An empty registry: a metric of another test may have this name as another kind."""
    registry = buffer.registry
    buffer.bind(registry.per_metric, registry.max_metrics, registry.max_series)
    buffer.dropped.clear()
    yield
    buffer.bind(registry.per_metric, registry.max_metrics, registry.max_series)
    buffer.dropped.clear()


@pytest.fixture
def collector() -> MetricsCollector:
    return MetricsCollector()


# -- what is recorded -------------------------------------------------------------------------------------------------


def test_count_makes_a_counter_and_any_other_unit_a_distribution(captured_metrics: CapturedMetrics) -> None:
    metrics_collector.record_metric("api_requests", 1, "count", {"endpoint": "/api/users"})
    metrics_collector.record_metric("api_requests", 2, "count", {"endpoint": "/api/users"})
    metrics_collector.record_metric("answer_size", 512, "bytes")
    metrics_collector.record_metric("queue_length", 7, "count", kind="gauge")

    assert captured_metrics.sum("api_requests", endpoint="/api/users") == 3
    kinds = {name: captured_metrics.series(name)[0].kind for name in captured_metrics.names()}
    assert kinds == {"api_requests": "counter", "answer_size": "distribution", "queue_length": "gauge"}
    assert captured_metrics.cell("answer_size").quantile(0.5) == pytest.approx(512, rel=0.011)


def test_every_call_may_be_awaited(captured_metrics: CapturedMetrics) -> None:
    async def record() -> list[object]:
        return [
            await metrics_collector.record_metric("awaited", 1),
            await metrics_collector.increment("awaited"),
            await metrics_collector.gauge("level", -3, combine="last"),
            await metrics_collector.observe("size", 9, "bytes"),
        ]

    assert asyncio.run(record()) == [None] * 4
    assert captured_metrics.sum("awaited") == 2
    assert captured_metrics.cell("level").last == -3
    assert captured_metrics.series("level")[0].combine == "last"
    assert captured_metrics.sum("size") == 9


@pytest.mark.parametrize(
    ("unit", "value", "seconds"),
    [("ms", 250, 0.25), ("milliseconds", 250.0, 0.25), ("s", 2, 2), ("seconds", 2, 2), ("us", 5, 5e-6), ("ns", 1e9, 1)],
)
def test_durations_are_kept_as_seconds(
    captured_metrics: CapturedMetrics, unit: str, value: float, seconds: float
) -> None:
    metrics_collector.record_metric("took", value, unit)

    assert captured_metrics.series("took")[0].unit == "s"
    assert captured_metrics.sum("took") == pytest.approx(seconds)


def test_a_counter_or_gauge_keeps_its_unit_as_it_is(captured_metrics: CapturedMetrics) -> None:
    metrics_collector.record_metric("busy", 250, "ms", kind="counter")

    assert captured_metrics.series("busy")[0].unit == "ms"
    assert captured_metrics.sum("busy") == 250


def test_threads_lose_nothing(captured_metrics: CapturedMetrics) -> None:
    def work(number: int) -> None:
        for _ in range(500):
            metrics_collector.increment("shared", tags={"worker": str(number % 2)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert captured_metrics.sum("shared") == 4000


# -- timings ----------------------------------------------------------------------------------------------------------


def test_a_block_a_function_and_a_coroutine_are_measured(captured_metrics: CapturedMetrics) -> None:
    timed = metrics_collector.measure_time

    @timed("function", {"kind": "sync"})
    def function(value: int) -> int:
        """Its docstring."""
        return value + 1

    @timed("function", {"kind": "async"})
    async def coroutine(value: int) -> int:
        await asyncio.sleep(0)
        return value + 2

    async def blocks() -> int:
        async with timed("block"):
            return await coroutine(1)

    with timed("block"):
        assert function(1) == 2
    assert asyncio.run(blocks()) == 3
    assert (function.__name__, function.__doc__) == ("function", "Its docstring.")
    assert asyncio.iscoroutinefunction(coroutine)
    assert captured_metrics.count("function", kind="sync") == captured_metrics.count("function", kind="async") == 1
    assert captured_metrics.count("block") == 2
    assert captured_metrics.series("block")[0].unit == "s"
    assert 0 < captured_metrics.sum("function") < 5


def test_an_error_is_measured_by_its_type_and_passes_through(captured_metrics: CapturedMetrics) -> None:
    @metrics_collector.measure_time("failing")
    def fail() -> None:
        raise LookupError("x")

    @metrics_collector.measure_time("failing")
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(LookupError):
        fail()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())

    assert captured_metrics.count("failing", error__type="LookupError") == 1
    assert captured_metrics.count("failing", error__type="CancelledError") == 1


def test_one_timing_nests_and_serves_several_tasks(
    captured_metrics: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    monkeypatch.setattr("artisan_monitoring.metrics.timing.time.perf_counter", lambda: clock)
    timing = metrics_collector.measure_time("shared_timing")

    def to(moment: float) -> None:
        nonlocal clock
        clock = moment

    async def task(begin: asyncio.Event, end: asyncio.Event) -> None:
        await begin.wait()
        async with timing:
            await end.wait()

    async def overlapping() -> None:
        events = [asyncio.Event() for _ in range(4)]
        tasks = [asyncio.create_task(task(*events[:2])), asyncio.create_task(task(*events[2:]))]
        # The first from 0 to 6, the second from 5 to 105: neither lies within the other.
        for event, moment in ((events[0], 0), (events[2], 5), (events[1], 6), (events[3], 105)):
            to(moment)
            event.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(overlapping())
    cell = captured_metrics.cell("shared_timing")
    assert (cell.count, cell.min, cell.max) == (2, 6, 100)

    to(200)
    with timing:
        to(203)
        with timing:
            to(204)
    cell = captured_metrics.cell("shared_timing")
    assert (cell.count, cell.min, cell.sum) == (4, 1, 111)


def test_a_timing_that_ends_in_another_context_is_not_lost(captured_metrics: CapturedMetrics) -> None:
    timing = metrics_collector.measure_time("moved")
    timing.__enter__()
    copy_context().run(timing.__exit__, None, None, None)
    Context().run(timing.__exit__, None, None, None)

    assert captured_metrics.count("moved") == 2


# -- values -----------------------------------------------------------------------------------------------------------

REFUSED = [
    math.nan,
    math.inf,
    -math.inf,
    -1,
    None,
    "5",
    b"5",
    5j,
    [],
    object(),
    10**400,
    10**5000,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("1e400"),
    Scalar(math.nan),
    Hostile(),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("kind", ["counter", "distribution"])
def test_what_is_no_finite_number_is_counted_in_production(
    captured_metrics: CapturedMetrics, kind: Any, value: Any
) -> None:
    metrics_collector.record_metric("values", value, "1", {"a": "b"}, kind=kind)

    assert captured_metrics.count("values") == 0
    assert buffer.dropped["metrics.rejected"] == 1


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_and_told_to_the_developer(value: Any, settings: Any) -> None:
    with override_monitoring(STRICT=True), pytest.raises(InvalidMetric, match="metric 'values': value must be"):
        metrics_collector.record_metric("values", value)
    settings.DEBUG = True
    with pytest.raises(InvalidMetric):
        metrics_collector.record_metric("values", value)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (10**30, 1e30),
        (2**53 - 1, 2**53 - 1),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (True, 1),
        (0, 0),
        (5e-324, 5e-324),
        (Scalar(3.5), 3.5),
    ],
)
def test_numbers_of_every_type_add_up_with_floats(captured_metrics: CapturedMetrics, value: Any, kept: float) -> None:
    for _ in range(2):
        metrics_collector.increment("mixed_counter", value)
        metrics_collector.increment("mixed_counter", 0.5)
        metrics_collector.observe("mixed_sizes", value, "bytes")
        metrics_collector.observe("mixed_sizes", 0.5, "bytes")
        metrics_collector.gauge("mixed_level", value)
        metrics_collector.gauge("mixed_level", 0.5)

    assert captured_metrics.sum("mixed_counter") == pytest.approx(2 * kept + 1)
    assert captured_metrics.sum("mixed_sizes") == pytest.approx(2 * kept + 1)
    assert captured_metrics.cell("mixed_level").max == pytest.approx(max(kept, 0.5))
    assert not buffer.dropped


def test_a_gauge_may_be_negative_but_not_infinite(captured_metrics: CapturedMetrics) -> None:
    metrics_collector.gauge("balance", -12.5)
    metrics_collector.gauge("balance", -math.inf)
    metrics_collector.gauge("balance", math.nan)

    assert (captured_metrics.count("balance"), captured_metrics.cell("balance").last) == (1, -12.5)
    assert buffer.dropped["metrics.rejected"] == 2


# -- names, units, tags -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("", {}),
        ("x" * 201, {}),
        ("a\nb", {}),
        ("a\x00", {}),
        ("lone \udc80", {}),
        (None, {}),
        (["list"], {}),
        (Hostile(), {}),
        ("ok", {"unit": Hostile()}),
        ("ok", {"unit": 5}),
        ("ok", {"unit": "x" * 33}),
        ("ok", {"kind": "histogram"}),
        ("ok", {"kind": Hostile()}),
        ("ok", {"combine": "average"}),
    ],
    ids=lambda each: ascii(type(each).__name__),
)
def test_a_metric_that_cannot_be_is_refused(name: Any, keywords: Any, captured_metrics: CapturedMetrics) -> None:
    metrics_collector.record_metric(name, 1, **keywords)

    assert not captured_metrics.names()
    assert buffer.dropped["metrics.rejected"] == 1
    with override_monitoring(STRICT=True), pytest.raises(InvalidMetric):
        metrics_collector.record_metric(name, 1, **keywords)


def test_one_name_is_one_kind(captured_metrics: CapturedMetrics) -> None:
    metrics_collector.increment("orders")
    metrics_collector.gauge("orders", 5)
    metrics_collector.observe("orders", 5, "bytes")
    metrics_collector.handle("orders", unit="s", kind="distribution").observe(5.0)

    assert captured_metrics.count("orders") == 1
    assert buffer.dropped["metrics.rejected"] == 3
    with override_monitoring(STRICT=True), pytest.raises(InvalidMetric, match="is a counter"):
        metrics_collector.gauge("orders", 5)


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ({"status": 200}, (("status", "200"),)),
        ({"ok": True}, (("ok", "True"),)),
        ({"none": None}, (("none", "None"),)),
        ({3: ["x"]}, (("3", "['x']"),)),
        ([("b", "2"), ("a", "1")], (("a", "1"), ("b", "2"))),
        ({"path": "x" * 300}, (("path", "x" * 200),)),
        ({"bad": "\udc80\x00"}, (("bad", "\\udc80\\x00"),)),
        ({str(n): "v" for n in range(12)}, tuple((key, "v") for key in sorted(map(str, range(12)))[:8])),
    ],
)
def test_tags_become_strings_within_the_limits(tags: Any, kept: Any, captured_metrics: CapturedMetrics) -> None:
    metrics_collector.increment("tagged", tags=tags)
    metrics_collector.increment("tagged", tags=tags)

    assert [series.tags for series in captured_metrics.series("tagged")] == [kept]
    assert captured_metrics.sum("tagged") == 2


def test_equal_keys_of_a_dictionary_are_different_tags(captured_metrics: CapturedMetrics) -> None:
    for value in (True, 1, 1.0, "1"):
        metrics_collector.increment("alike", tags={"value": value})  # type: ignore[dict-item]

    assert {series.tags[0][1] for series in captured_metrics.series("alike")} == {"True", "1", "1.0"}
    assert captured_metrics.sum("alike", value="1") == 2


@pytest.mark.parametrize("tags", [{"a": Hostile()}, Hostile(), 5, "text", [1, 2]], ids=lambda each: type(each).__name__)
def test_tags_that_cannot_be_read_are_refused(tags: Any, captured_metrics: CapturedMetrics) -> None:
    metrics_collector.increment("unreadable", tags=tags)

    assert captured_metrics.count("unreadable") == 0
    assert buffer.dropped["metrics.rejected"] == 1


def test_series_beyond_the_limit_share_one_and_are_counted(captured_metrics: CapturedMetrics) -> None:
    with override_monitoring(LIMITS={"SERIES_PER_METRIC": 10}):
        for number in range(15):
            metrics_collector.increment("many", tags={"number": str(number)})
        overflowed = buffer.registry.overflowed
        shown = captured_metrics.series("many")

    assert overflowed == 5
    assert len(shown) == 11
    assert captured_metrics.sum("many", otel_metric_overflow="true") == 5
    assert OVERFLOW in {series.tags for series in shown}


def test_names_beyond_the_limit_are_counted(captured_metrics: CapturedMetrics) -> None:
    with override_monitoring(LIMITS={"METRICS": 3}):
        for number in range(5):
            metrics_collector.increment(f"name_{number}")
        metrics_collector.handle("one_more").add()

    assert len(captured_metrics.names()) == 3
    assert buffer.dropped["metrics.names"] == 3


# -- metadata ---------------------------------------------------------------------------------------------------------


def exemplar_of(captured: CapturedMetrics, name: str) -> dict[str, str]:
    (exemplar,) = (captured.cell(name).exemplars or {}).values()
    return exemplar[2]


def test_metadata_is_an_exemplar_redacted_and_never_a_tag(captured_metrics: CapturedMetrics) -> None:
    context.trace_id.set("4bf92f3577b34da6a3ce929d0e0e4736")
    metadata = {"query": "SELECT 1", "password": "hunter2-in-metadata", "url": "redis://:hunter2-in-url@h/0"}
    metrics_collector.record_metric("query_time", 12, "ms", metadata=metadata)
    context.trace_id.set(None)

    found = exemplar_of(captured_metrics, "query_time")
    assert found["query"] == "SELECT 1"
    assert found["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert "hunter2" not in repr(found)
    assert captured_metrics.series("query_time")[0].tags == ()
    assert metadata["password"] == "hunter2-in-metadata"  # a copy was redacted


def test_exemplars_are_small(captured_metrics: CapturedMetrics) -> None:
    metrics_collector.observe("large", 1, "s", metadata={f"key{n}": "x" * 100 for n in range(20)})

    found = exemplar_of(captured_metrics, "large")
    assert 0 < sum(len(key) + len(value) for key, value in found.items()) <= 512


def cyclic() -> dict[str, Any]:
    own: dict[str, Any] = {"name": "knot"}
    own["self"] = own
    return own


@pytest.mark.parametrize(
    "metadata", [cyclic(), {"a": Hostile()}, 5, [1], {None: 1}, "text"], ids=lambda each: type(each).__name__
)
def test_odd_metadata_never_costs_the_value(metadata: Any, captured_metrics: CapturedMetrics) -> None:
    metrics_collector.record_metric("odd", 2, "s", metadata=metadata)

    assert (captured_metrics.count("odd"), captured_metrics.sum("odd")) == (1, 2)


# -- handles ----------------------------------------------------------------------------------------------------------


def test_a_handle_finds_its_series_again_after_the_limits_changed(captured_metrics: CapturedMetrics) -> None:
    handle = metrics_collector.handle("prepared")
    handle.add(1, (("a", "b"),))
    with override_monitoring(LIMITS={"SERIES": 500}):
        handle.add(2, (("a", "b"),))
    handle.add(4, (("a", "b"),))

    assert captured_metrics.sum("prepared", a="b") == 7


def test_a_handle_sets_observes_and_adds(captured_metrics: CapturedMetrics, collector: MetricsCollector) -> None:
    collector.handle("h.level", unit="1", kind="gauge", combine="sum").set(3)
    collector.handle("h.size", unit="bytes", kind="distribution").observe(4.0, (), {"trace_id": "t"})
    collector.handle("h.count").add()

    assert captured_metrics.cell("h.level").last == 3
    assert exemplar_of(captured_metrics, "h.size") == {"trace_id": "t"}
    assert captured_metrics.sum("h.count") == 1


# -- clocks -----------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_loses_nothing(
    captured_metrics: CapturedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moment in (1_800_000_000.0, 1_700_000_000.0, 1_700_000_030.0, 1_800_000_000.0, 0.0):
        monkeypatch.setattr("artisan_monitoring.pipeline.buffer._time", lambda moment=moment: moment)
        metrics_collector.increment("ticks")
        metrics_collector.gauge("ticking", moment)
        metrics_collector.observe("tick_size", 1, "bytes")

    assert (
        captured_metrics.sum("ticks") == captured_metrics.count("ticking") == captured_metrics.count("tick_size") == 5
    )
