"""Export by OTLP: a real receiver gets what the store has, once for the deployment, whatever the network does."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("opentelemetry.proto", reason="the extra otel")

from artisan_monitoring import checks, metrics_collector
from artisan_monitoring.core.histogram import Cell
from artisan_monitoring.core.series import Series
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.integrations.opentelemetry import encoding, export
from artisan_monitoring.integrations.opentelemetry.backoff import NOTE
from artisan_monitoring.integrations.opentelemetry.sending import LOGS, METRICS, NotExported, url_of
from artisan_monitoring.pipeline import jobs
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.flusher import flusher
from artisan_monitoring.schedules import beat_schedule
from artisan_monitoring.stores import get_store
from artisan_monitoring.stores.base import Total
from artisan_monitoring.testing import flush_monitoring, override_monitoring
from tests.integrations.otlp_receiver import Receiver, attributes, bins, receiving
from tests.services import RedisServer

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that the settings name, and a process that has recorded nothing."""
    buffer.reset()
    flusher.reset()
    registered = dict(jobs._jobs)
    with receiving() as made, override_monitoring(SERVICE="shop", RELEASE="1.4.2", OTLP={"ENDPOINT": made.url}):
        export.connect()
        yield made
    jobs._jobs.clear()
    jobs._jobs.update(registered)
    buffer.reset()
    flusher.reset()


def total(name: str) -> Total:
    (found,) = get_store().totals(name)
    return found


def test_a_distribution_arrives_whole(receiver: Receiver) -> None:
    generator = random.Random(7)
    values = [generator.lognormvariate(-3, 1) for _ in range(5000)] + [0.0, 0.0]
    for value in values:
        metrics_collector.observe("checkout", value, "s", {"plan": "pro"})
    flush_monitoring()
    export.export_otlp()

    (metric,) = receiver.metrics("checkout")
    assert metric.unit == "s"
    assert metric.exponential_histogram.aggregation_temporality == 2  # cumulative
    (point,) = metric.exponential_histogram.data_points
    stored = total("checkout")
    assert attributes(point) == {"plan": "pro"}
    assert (point.count, point.sum, point.zero_count, point.scale) == (
        len(values), stored.cell.sum, 2, stored.cell.schema
    )  # fmt: skip
    assert (point.min, point.max) == (min(values), max(values))
    assert bins(point) == stored.cell.bins
    assert sum(point.positive.bucket_counts) + point.zero_count == point.count
    # By the specification's own words each value lies in its bucket: (base**i, base**(i+1)].
    base = 2.0**2.0**-point.scale
    seen: dict[int, int] = {}
    for value in filter(None, values):
        at = next(
            i for i in range(len(point.positive.bucket_counts)) if value <= base ** (point.positive.offset + i + 1)
        )
        seen[at] = seen.get(at, 0) + 1
    assert sum(abs(seen.get(i, 0) - n) for i, n in enumerate(point.positive.bucket_counts)) <= 2  # rounding at an edge
    assert abs(point.start_time_unix_nano / 1e9 - stored.created_at) < 1e-5
    assert 0 <= point.time_unix_nano - point.start_time_unix_nano < 60e9


def test_counters_are_cumulative_and_gauges_are_now(receiver: Receiver) -> None:
    metrics_collector.increment("orders", 3)
    metrics_collector.gauge("queue", -7.5, unit="Cel")
    flush_monitoring()
    export.export_otlp()
    metrics_collector.increment("orders", 2.5)
    flush_monitoring()
    export.export_otlp()

    first, second = (metric.sum.data_points[0] for metric in receiver.metrics("orders"))
    assert (first.as_double, second.as_double) == (3.0, 5.5)
    assert first.start_time_unix_nano == second.start_time_unix_nano
    assert first.time_unix_nano < second.time_unix_nano
    metric = receiver.metrics("orders")[0]
    assert (metric.sum.is_monotonic, metric.sum.aggregation_temporality, metric.unit) == (True, 2, "1")
    gauge = receiver.metrics("queue")[0]
    assert (gauge.gauge.data_points[0].as_double, gauge.unit) == (-7.5, "Cel")


def test_who_sends_and_how(receiver: Receiver) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    with override_monitoring(OTLP={"HEADERS": {"authorization": "Bearer key", "Content-Type": "text/plain"}}):
        export.export_otlp()
    (headers,), (request,) = receiver.headers, receiver.requests
    assert receiver.paths == ["/v1/metrics"]
    assert headers["Authorization"] == "Bearer key"
    assert headers["Content-Type"] == "application/x-protobuf"  # the protocol's, whatever the settings say
    resource = request.resource_metrics[0].resource
    assert {each.key: each.value.string_value for each in resource.attributes} == {
        "service.name": "shop",
        "service.version": "1.4.2",
        "deployment.environment.name": "test",
    }
    assert request.resource_metrics[0].scope_metrics[0].scope.name == "artisan_monitoring"


def test_exemplars_lead_to_the_trace_and_are_sent_while_new(receiver: Receiver) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    cell = Cell()
    cell.observe(0.2, (1.0,))
    cell.exemplars = {
        0: (0.2, 1000.0, {"trace_id": trace, "span_id": span, "order": "7"}),
        1: (0.1, 10.0, {"trace_id": trace}),
        2: (0.3, 1000.0, {"trace_id": "no hex"}),
    }
    point = encoding._histogram(Total(Series("x", "distribution", "s", ()), cell, 1.0), 2000.0, 100.0)
    first, second = point.exemplars
    assert (first.trace_id.hex(), first.span_id.hex(), first.as_double) == (trace, span, 0.2)
    assert first.time_unix_nano == 1000 * 10**9
    assert attributes_of(first) == {"order": "7"}
    assert second.trace_id == b""


def attributes_of(exemplar: object) -> dict[str, str]:
    return {each.key: each.value.string_value for each in exemplar.filtered_attributes}  # type: ignore[attr-defined]


def test_a_histogram_from_nanoseconds_to_years_is_sent_coarser_and_whole() -> None:
    cell = Cell()
    for exponent in range(-9, 290):
        cell.observe(10.0**exponent, (1.0,))
    point = encoding._histogram(Total(Series("x", "distribution", "s", ()), cell, 1.0), 2.0, 0.0)
    assert len(point.positive.bucket_counts) <= encoding.MAX_WIDTH
    assert sum(point.positive.bucket_counts) + point.zero_count == point.count == 299
    assert point.scale < 0


def test_many_series_go_in_several_requests(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "POINTS_PER_REQUEST", 7)
    for number in range(20):
        metrics_collector.increment("orders", number, {"shop": str(number)})
        metrics_collector.observe("size", number, "By", {"shop": str(number)})
    flush_monitoring()
    assert export.export_otlp() == sum(len(encoding_points(request)) for request in receiver.requests)
    assert max(len(encoding_points(request)) for request in receiver.requests) == 7
    sent = [(attributes(point)["shop"], point.as_double) for metric in receiver.metrics("orders") for point in
            metric.sum.data_points]  # fmt: skip
    assert sorted(sent) == sorted((str(number), float(number)) for number in range(20))


def encoding_points(request: object) -> list[object]:
    (resource,) = request.resource_metrics  # type: ignore[attr-defined]
    (scope,) = resource.scope_metrics
    return [point for metric in scope.metrics for point in getattr(metric, metric.WhichOneof("data")).data_points]


def test_the_same_name_as_two_kinds_is_two_metrics(receiver: Receiver) -> None:
    metrics_collector.increment("odd")
    flush_monitoring()
    buffer.bind(2000, 500, 10_000)  # another process
    metrics_collector.observe("odd", 3, "s")
    flush_monitoring()
    export.export_otlp()
    assert [each.WhichOneof("data") for each in receiver.metrics("odd")] == ["sum", "exponential_histogram"]
    buffer.bind(2000, 500, 10_000)


def test_from_redis_it_is_the_same(receiver: Receiver, redis_server: RedisServer) -> None:
    redis_server.client().flushall()
    store = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": redis_server.url, "shards": 3}}
    with override_monitoring(STORE=store):
        for number in range(1, 50):
            metrics_collector.increment("orders", 2, {"shop": str(number % 5)})
            metrics_collector.observe("size", number, "By", {"shop": str(number % 5)})
        flush_monitoring()
        assert jobs.run_job(export.JOB)
        stored = {each.series.tags: each.cell for each in get_store().totals("size")}
        (metric,) = receiver.metrics("size")
        assert {
            tuple(attributes(point).items()): bins(point) for point in metric.exponential_histogram.data_points
        } == {tags: cell.bins for tags, cell in stored.items()}
        (metric,) = receiver.metrics("orders")
        assert sum(point.as_double for point in metric.sum.data_points) == 98
    redis_server.client().flushall()


# -- when it is not taken ----------------------------------------------------------------------------------------------


def test_a_failure_costs_nothing_but_time(receiver: Receiver) -> None:
    metrics_collector.increment("orders", 3)
    flush_monitoring()
    receiver.refuse(503)
    with pytest.raises(NotExported, match="503"):
        export.export_otlp()
    metrics_collector.increment("orders", 4)
    flush_monitoring()
    with pytest.raises(NotExported, match=r"waiting after 1 failures: .* 503"):
        export.export_otlp()  # the pause holds for every process: nothing is sent
    assert len(receiver.paths) == 1
    end_pause()
    export.export_otlp()
    assert receiver.point("orders").as_double == 7
    assert get_store().notes(NOTE)["pause"].value["failures"] == 0


def end_pause() -> None:
    store = get_store()
    told = store.notes(NOTE)["pause"].value
    store.set_note(NOTE, "pause", {**told, "until": 0.0}, 60)


def test_pauses_double_to_ten_minutes_and_the_endpoint_may_ask_for_more(receiver: Receiver) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    store, pauses = get_store(), []
    for _ in range(6):
        receiver.refuse(429)
        with pytest.raises(NotExported):
            export.export_otlp()
        pauses.append(store.notes(NOTE)["pause"].value["until"] - store.now())
        end_pause()
    for pause, most in zip(pauses, (60, 120, 240, 480, 600, 600), strict=True):
        assert 0.74 * most < pause <= most
    receiver.refuse(429, Retry_After="1800")
    with pytest.raises(NotExported):
        export.export_otlp()
    assert 1790 < store.notes(NOTE)["pause"].value["until"] - store.now() <= 1800


def test_a_part_that_is_refused_is_counted_and_told(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    receiver.take_but(1, "the unit is unknown")
    assert export.export_otlp() == 0
    assert "refused 1 of 1 points: the unit is unknown" in caplog.text
    flush_monitoring()
    assert {dict(each.series.tags)["outcome"]: each.cell.sum for each in get_store().totals("artisan.otlp.points")} == {
        "refused": 1,
        "taken": 0,
    }


def test_an_answer_that_is_no_message_is_an_answer(receiver: Receiver) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    receiver.answers.append((200, {}, b'{"partialSuccess":{}}'))
    assert export.export_otlp() == 1


def test_nothing_goes_anywhere_else(receiver: Receiver) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    with receiving() as elsewhere:
        receiver.refuse(307, Location=elsewhere.url + "/v1/metrics")
        with pytest.raises(NotExported, match="307"):
            export.export_otlp()
        assert elsewhere.paths == []


def test_nobody_listens() -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    started = time.monotonic()
    nobody = {"ENDPOINT": "http://127.0.0.1:9", "TIMEOUT_S": 1.0}
    with override_monitoring(OTLP=nobody), pytest.raises(NotExported, match="cannot be reached"):
        export.export_otlp()
    assert time.monotonic() - started < 5


def test_a_slow_endpoint_does_not_outlive_the_lease(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    monkeypatch.setattr(export, "LEASE_SHARE", -1)
    with pytest.raises(NotExported, match="and there are more"):
        export.export_otlp()


def test_a_store_that_is_away_is_no_failure_of_the_endpoint(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(get_store()), "series", away)
    with pytest.raises(StoreUnavailable):
        export.export_otlp()
    assert get_store().notes(NOTE) == {}


# -- who does it -------------------------------------------------------------------------------------------------------


def test_one_process_of_the_deployment_exports(receiver: Receiver) -> None:
    metrics_collector.increment("orders")
    flush_monitoring()
    lease = get_store().acquire_lease(export.JOB, "another", 60)
    assert not jobs.run_job(export.JOB)
    assert receiver.paths == []
    assert lease is not None
    get_store().release_lease(lease)
    assert jobs.run_job(export.JOB)
    assert len(receiver.paths) == 1


def test_the_task_runs_the_job(receiver: Receiver) -> None:
    from artisan_monitoring import tasks

    metrics_collector.increment("orders")
    flush_monitoring()
    tasks.export_otlp.run()
    assert len(receiver.paths) == 1
    record = get_store().job_records()[export.JOB]
    assert (record.runner, record.failures) == ("celery", 0)


def test_without_an_endpoint_there_is_no_job() -> None:
    assert export.JOB not in jobs.jobs()
    with override_monitoring(OTLP={"ENDPOINT": "ftp://collector"}):
        assert not export.ready()


def test_beat_does_it_where_it_is_asked_to() -> None:
    entry = beat_schedule(otlp_period_s=30.0)["artisan-monitoring-export_otlp"]
    assert (entry["task"], entry["schedule"]) == ("artisan_monitoring.tasks.export_otlp", 30.0)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/metrics"),
        ("https://example.org/otlp/", "https://example.org/otlp/v1/metrics"),
        ("https://example.org/otlp/v1/metrics", "https://example.org/otlp/v1/metrics"),
    ],
)
def test_where_it_goes(endpoint: str, url: str) -> None:
    assert url_of(endpoint, METRICS) == url
    assert url_of(endpoint, LOGS) == url.replace("metrics", "logs")


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, 0),
        ({"ENDPOINT": "http://collector:4318"}, 0),
        ({"ENDPOINT": "collector:4318"}, 1),
        ({"ENDPOINT": "http://collector:4318", "PERIOD_S": 0}, 1),
        ({"ENDPOINT": "http://collector:4318", "LOGS": "INFO"}, 0),
        ({"ENDPOINT": "http://collector:4318", "LOGS": "INFO", "LOG_LINES": 0}, 1),
        ({"LOGS": "INFO"}, 1),
    ],
)
def test_the_system_checks_look_at_it(chosen: dict[str, object], found: int) -> None:
    with override_monitoring(OTLP=chosen):
        assert [each.id for each in checks._otlp()] == ["artisan_monitoring.E009"] * found


def test_a_missing_package_is_an_error_of_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    with override_monitoring(OTLP={"ENDPOINT": "http://collector:4318"}):
        (error,) = checks._otlp()
    assert "artisan-monitoring[otel]" in str(error.hint)
