"""Prometheus' formats: names, labels, negotiation, numbers; read back by parsers that are not ours."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition as openmetrics_writer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from artisan_monitoring.core.histogram import SECONDS_BOUNDS, Cell
from artisan_monitoring.core.packing import Delta
from artisan_monitoring.core.series import Series
from artisan_monitoring.core.windows import floor
from artisan_monitoring.exceptions import StoreUnavailable
from artisan_monitoring.health import limits
from artisan_monitoring.integrations.prometheus import expose
from artisan_monitoring.integrations.prometheus.accept import Format, negotiate
from artisan_monitoring.integrations.prometheus.collector import MonitoringCollector
from artisan_monitoring.integrations.prometheus.exemplars import exemplar_labels
from artisan_monitoring.integrations.prometheus.families import collect
from artisan_monitoring.integrations.prometheus.help import HELP
from artisan_monitoring.integrations.prometheus.names import SUFFIXES, Metric, spell_all, spell_labels
from artisan_monitoring.integrations.prometheus.protobuf import sparse, varint, zigzag
from artisan_monitoring.stores import get_store
from tests.house.code import recorded_metrics
from tests.stores.build import added, commit, counter, distribution, gauge, observed

TOKEN = "a-token-that-is-long-enough"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TRACE = "0af7651916cd43dd8448eb211c80319c"


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "unit", "spelled"),
    [
        ("http.server.request.duration", "distribution", "s", "http_server_request_duration_seconds"),
        ("http.server.active_requests", "gauge", "{request}", "http_server_active_requests"),
        ("orders", "counter", "count", "orders"),
        ("orders_total", "counter", "count", "orders"),
        ("size", "distribution", "bytes", "size_bytes"),
        ("upload_bytes", "counter", "By", "upload_bytes"),
        ("system.cpu.utilization", "gauge", "1", "system_cpu_utilization_ratio"),
        ("queue", "gauge", "1", "queue"),
        ("speed", "gauge", "By/s", "speed_bytes_per_second"),
        ("process.thread.count", "gauge", "{thread}", "process_thread_count_value"),
        ("7days", "counter", "count", "_7days"),
        ("a--b::c", "gauge", "1", "a_b_c"),
    ],
)
def test_spelling(name: str, kind: Any, unit: str, spelled: str) -> None:
    metric = Metric(name, kind, unit)
    assert spell_all([metric])[metric].name == spelled


def test_names_that_become_one_are_told_apart_for_good() -> None:
    dotted, plain = Metric("orders.made", "counter", "count"), Metric("orders_made", "counter", "count")
    alone = spell_all([dotted])
    both = spell_all([plain, dotted])
    assert alone[dotted].name == both[dotted].name == "orders_made"
    assert both[plain].name != "orders_made"
    assert spell_all([dotted, plain]) == both


def test_a_name_that_is_another_ones_sample_is_told_apart() -> None:
    histogram, other = Metric("a", "distribution", "1"), Metric("a.count", "gauge", "{x}")
    found = spell_all([histogram, other, Metric("b", "counter", "1"), Metric("b.total", "gauge", "1")])
    assert found[histogram].name == "a"
    assert found[other].name == "a_count_value"


METRICS = st.builds(
    Metric,
    st.text("ab._:7ж ", min_size=1, max_size=8),
    st.sampled_from(["counter", "gauge", "distribution"]),
    st.sampled_from(["", "1", "s", "By", "count", "{x}", "заказ", "%", "By/s", "a b"]),
)


@given(st.lists(METRICS, unique=True, max_size=30))
def test_no_two_families_share_a_sample_whatever_they_are_called(metrics: list[Metric]) -> None:
    seen: set[str] = set()
    for metric, spelling in spell_all(metrics).items():
        samples = {spelling.name, *(spelling.name + suffix for suffix in SUFFIXES[metric.kind])}
        assert not samples & seen
        assert all(each.isascii() and each.replace("_", "a").isalnum() and not each[0].isdigit() for each in samples)
        assert not spelling.unit or spelling.name.endswith("_" + spelling.unit)
        seen |= samples


def test_labels() -> None:
    assert spell_labels((("http.route", "/"), ("error.type", ""))) == (("http_route", "/"),)
    assert spell_labels((("a.b", "1"), ("a_b", "2"))) == (("a_b", "1"), ("a_b_2", "2"))
    assert spell_labels((("le", "1"), ("__name__", "x"), ("7", "y"))) == (
        ("key_7", "y"),
        ("key__name__", "x"),
        ("le_", "1"),
    )


def test_every_recorded_metric_has_a_help_text() -> None:
    assert {each.name for each in recorded_metrics()} == set(HELP)


# -- negotiation -------------------------------------------------------------------------------------------------------

PROMETHEUS_2_42 = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (PROMETHEUS_2_42, Format.PROTOBUF),
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("*/*", Format.TEXT),
        ("", Format.TEXT),
        ("text/html", Format.TEXT),
        ("application/openmetrics-text; version=2.0.0", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0.5, text/plain", Format.TEXT),
        ("application/vnd.google.protobuf", Format.TEXT),
        ('application/vnd.google.protobuf; proto="io.prometheus.client.MetricFamily"; encoding=text', Format.TEXT),
        ("application/openmetrics-text;q=nan", Format.TEXT),
        ("application/openmetrics-text;q=0", Format.TEXT),
        (OPENMETRICS + "," * 2000, Format.TEXT),
        (";;;=,,", Format.TEXT),
    ],
)
def test_negotiation(accept: str, chosen: Format) -> None:
    assert negotiate(accept) is chosen


# -- what is written ---------------------------------------------------------------------------------------------------

DATABASE = pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)


@pytest.fixture
def filled() -> None:
    """Series of every kind, with tags that want escaping and tags that become one."""
    store = get_store()
    now = floor(store.now(), 60)
    slow = observed(0.003, 0.02, 0.02, 0.7, 0.0)
    slow.exemplars = {3: (0.02, now + 0.5, {"trace_id": TRACE, "metadata key": 'a "quoted" \\ text\nof two lines'})}
    first, second = gauge(), gauge(name="level")
    commit(
        store,
        Delta(counter(shop='a "b"\\\n', город="Київ"), now, 60, added(2, 0.5)),
        Delta(counter(**{"a.b": "1"}), now, 60, added(1)),
        Delta(counter(a_b="1"), now, 60, added(10)),
        Delta(counter("orders.made"), now, 60, added(1)),
        Delta(counter("orders_made"), now, 60, added(2)),
        Delta(counter("замовлення"), now, 60, added(3)),
        Delta(distribution(route="/"), now, 60, slow),
        Delta(distribution(), now, 60, observed(100.0)),
        Delta(Series("size", "distribution", "By", ()), now, 60, observed(7.0)),
        gauges=((first, "p1", 3.0, store.now()), (first, "p2", 4.0, store.now()), (second, "p1", 9.0, now - 3600)),
    )


def samples(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = [
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for each in families
        for sample in each.samples
    ]
    assert len({each[:2] for each in found}) == len(found), "a sample is there twice"
    return {(name, labels): value for name, labels, value in found}


@DATABASE
def test_what_is_written_in_text_reads_back(filled: None) -> None:
    body, content_type = expose("text/plain")
    read = samples(parse_text(body.decode()))
    assert content_type.startswith("text/plain; version=0.0.4")
    assert read["orders_total", (("key_____", "Київ"), ("shop", 'a "b"\\\n'))] == 2.5
    assert read["orders_total", (("a_b", "1"),)] == 11  # two series to us, one to Prometheus
    assert read["queue", ()] == 7
    assert not any(name == "level" for name, _ in read), "a process that has been silent says nothing"
    assert read["duration_seconds_count", (("route", "/"),)] == 5
    assert read["duration_seconds_bucket", (("le", "0.025"), ("route", "/"))] == 4
    assert read["duration_seconds_bucket", (("le", "+Inf"),)] == 1
    assert not any(name.endswith("_created") for name, _ in read)
    made = {value for (name, _), value in read.items() if name.startswith("orders_made")}
    assert made == {1, 2}
    assert [value for (name, _), value in read.items() if name.startswith("metric_")] == [3]


@DATABASE
def test_openmetrics_reads_back_the_same_with_units_creation_times_and_exemplars(filled: None) -> None:
    body, content_type = expose(OPENMETRICS)
    families = list(parse_openmetrics(body.decode()))
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    read = samples(families)
    plain = samples(parse_text(expose("text/plain").body.decode()))
    assert {key: value for key, value in read.items() if not key[0].endswith("_created")} == plain
    created = {value for (name, _), value in read.items() if name.endswith("_created")}
    assert all(value == pytest.approx(time.time(), abs=60) for value in created)
    by_name = {family.name: family for family in families}
    assert (by_name["duration_seconds"].unit, by_name["size_bytes"].unit) == ("seconds", "bytes")
    assert by_name["target"].samples[0].labels["service_name"] == "tests"
    (exemplar,) = [sample.exemplar for sample in by_name["duration_seconds"].samples if sample.exemplar]
    assert exemplar.labels["trace_id"] == TRACE
    assert exemplar.labels["metadata_key"].startswith('a "quoted"')
    assert exemplar.value == 0.02


@DATABASE
def test_the_collector_says_in_a_registry_of_the_projects_own_what_the_endpoint_says(filled: None) -> None:
    registry = CollectorRegistry()
    registry.register(MonitoringCollector())
    theirs = list(parse_openmetrics(openmetrics_writer.generate_latest(registry).decode()))
    ours = [each for each in parse_openmetrics(expose(OPENMETRICS).body.decode()) if each.name != "target"]
    rounded = {key: pytest.approx(value, abs=0.001) for key, value in samples(theirs).items()}
    assert samples(ours) == rounded
    assert {(each.name, each.type, each.unit, each.documentation) for each in ours} == {
        (each.name, each.type, each.unit, each.documentation) for each in theirs
    }


@DATABASE
def test_an_empty_store_is_a_valid_answer() -> None:
    assert [each.name for each in parse_text(expose("").body.decode())] == ["target_info"]
    assert [each.name for each in parse_openmetrics(expose(OPENMETRICS).body.decode())] == ["target"]
    assert [each.name for each in read_delimited(expose(PROTOBUF).body)] == ["target_info"]


# -- protobuf ----------------------------------------------------------------------------------------------------------


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and content of each field: an integer, a double or bytes."""
    at = 0

    def integer() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<d", message, at)[0]
            at += 8
        else:
            assert key & 7 == 2
            length = integer()
            yield key >> 3, message[at : at + length]
            at += length


def signed(value: int) -> int:
    return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)


def integers(packed: bytes) -> list[int]:
    values, value, shift = [], 0, 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            value = shift = 0
    return values


@dataclass
class Read:
    """A MetricFamily as it was read."""

    name: str = ""
    kind: int = -1
    unit: str = ""
    metrics: list[dict[int, Any]] = field(default_factory=list)


def read_delimited(body: bytes) -> list[Read]:
    families, at = [], 0
    while at < len(body):
        (length,), used = next(([value], n) for n in range(1, 6) for value in integers(body[at : at + n]))
        at += used
        family = Read()
        for number, value in fields(body[at : at + length]):
            if number == 4:
                family.metrics.append(grouped(value))
            elif number == 3:
                family.kind = value
            elif number in (1, 5):
                setattr(family, "name" if number == 1 else "unit", value.decode())
        at += length
        families.append(family)
    return families


def grouped(message: bytes) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for number, value in fields(message):
        found.setdefault(number, []).append(value)
    return found


def labels_of(metric: dict[int, Any]) -> dict[str, str]:
    pairs = [grouped(each) for each in metric.get(1, ())]
    return {each[1][0].decode(): each[2][0].decode() for each in pairs}


@DATABASE
def test_protobuf_holds_the_whole_distribution(filled: None) -> None:
    body, content_type = expose(PROTOBUF)
    assert content_type == (
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    )
    families = {each.name: each for each in read_delimited(body)}
    assert {name: each.kind for name, each in families.items() if not name.startswith(("orders_made", "metric"))} == {
        "target_info": 1, "orders_total": 0, "duration_seconds": 4, "size_bytes": 4, "queue": 1,
    }  # fmt: skip
    assert families["size_bytes"].unit == "bytes"
    (total,) = [each for each in families["orders_total"].metrics if labels_of(each) == {"a_b": "1"}]
    counted = grouped(total[3][0])
    assert counted[1] == [11.0]
    assert grouped(counted[3][0])[1][0] == pytest.approx(time.time(), abs=60)
    (metric,) = [each for each in families["duration_seconds"].metrics if labels_of(each) == {"route": "/"}]
    histogram = grouped(metric[7][0])
    assert histogram[1] == [5]
    assert histogram[2] == [pytest.approx(0.743)]
    assert [signed(value) for value in histogram[5]] == [5]
    assert (histogram[6], histogram[7]) == ([1e-9], [1])
    bins = read_bins(histogram)
    assert bins == observed(0.003, 0.02, 0.02, 0.7, 0.0).bins
    buckets = [grouped(each) for each in histogram[3]]
    assert [each[2][0] for each in buckets] == [*SECONDS_BOUNDS, float("inf")]
    assert [each[1][0] for each in buckets] == [2, 2, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5]
    (exemplar,) = histogram[16]
    assert labels_of(grouped(exemplar))["trace_id"] == TRACE
    assert [each[3][0] for each in buckets if 3 in each] == [exemplar]
    assert 15 in histogram


def read_bins(histogram: dict[int, Any]) -> dict[int, int]:
    deltas = [signed(value) for value in integers(histogram[13][0])]
    spans = [(signed(span[1][0]), span[2][0]) for span in map(grouped, histogram[12])]
    return unspanned(spans, deltas)


def unspanned(spans: list[tuple[int, int]], deltas: list[int]) -> dict[int, int]:
    bins: dict[int, int] = {}
    index = count = 0
    left = iter(deltas)
    for gap, length in spans:
        index += gap
        for _ in range(length):
            count += next(left)
            if count:
                bins[index] = count
            index += 1
    assert next(left, None) is None
    return bins


@given(st.dictionaries(st.integers(-1000, 1000), st.integers(1, 2**50), max_size=160))
def test_spans_and_differences_hold_every_bin(bins: dict[int, int]) -> None:
    spans, deltas = sparse(bins)
    assert unspanned(spans, deltas) == bins
    assert all(gap > 2 for gap, _ in spans[1:])
    assert all(length > 0 for _, length in spans)


@given(st.integers(0, 2**63 - 1))
def test_varints_read_back(value: int) -> None:
    assert integers(varint(value)) == [value]
    assert signed(zigzag(-value)) == -value


# -- exemplars ---------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(max_size=60), st.text(max_size=200), max_size=8))
def test_an_exemplar_is_never_longer_than_openmetrics_allows_and_keeps_its_trace(attributes: dict[str, str]) -> None:
    labels = exemplar_labels({**attributes, "trace_id": TRACE})
    assert sum(len(name) + len(value) for name, value in labels) <= 128
    assert labels[0] == ("trace_id", TRACE)
    assert len(dict(labels)) == len(labels)


@DATABASE
def test_a_total_keeps_the_newest_exemplar_of_a_bucket_not_the_highest_ever() -> None:
    store = get_store()
    now = floor(store.now(), 60)

    def seen(value: float, at: float, trace: str) -> Delta:
        cell = observed(value)
        cell.exemplars = {3: (value, at, {"trace_id": trace})}
        return Delta(distribution(), now, 60, cell)

    for each in (seen(0.024, now - 9, "high"), seen(0.021, now - 5, "newest"), seen(0.022, now - 8, "late")):
        commit(store, each)
    (point,) = next(family for family in collect(store) if family.name == "duration_seconds").points
    assert point.cell is not None
    assert point.cell.exemplars == {3: (0.021, now - 5, {"trace_id": "newest"})}


def test_no_series_is_too_odd_to_be_written() -> None:
    from artisan_monitoring.integrations.prometheus.families import Family, Point
    from artisan_monitoring.integrations.prometheus.protobuf import delimited
    from artisan_monitoring.integrations.prometheus.text import openmetrics, plain

    without_buckets = Cell()
    without_buckets.count, without_buckets.sum = 3, 1.5
    families = [
        Family("odd", "distribution", "", "two\nlines", SECONDS_BOUNDS, [Point((), cell=without_buckets)]),
        Family("level", "gauge", "", "text", (), [Point((("a", "\ud800"),), float("inf")), Point((), float("nan"))]),
    ]
    assert samples(parse_text(plain(families, ()).decode()))["odd_bucket", (("le", "+Inf"),)] == 3
    assert b"# HELP odd two\\nlines\n" in openmetrics(families, ())
    assert [each.name for each in read_delimited(delimited(families, ()))] == ["target_info", "odd", "level"]


# -- the endpoint ------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(client: Any, settings: Any) -> Any:
    settings.ARTISAN_MONITORING = {"DATABASE": "monitoring", "HEALTH": {"TOKENS": [TOKEN]}}
    limits.details.reset()
    return client


@DATABASE
def test_the_endpoint_needs_rights_as_the_others_do(site: Any) -> None:
    assert site.get("/health/prometheus").status_code == 401
    assert site.get("/health/prometheus", HTTP_AUTHORIZATION="Bearer no").status_code == 403
    answer = site.get("/health/prometheus", **BEARER)
    assert (answer.status_code, answer["Vary"], answer["Cache-Control"]) == (200, "Accept", "no-store")
    assert answer["Content-Length"] == str(len(answer.content))
    assert site.post("/health/prometheus", **BEARER).status_code == 405
    site.force_login(User.objects.create_user("boss", is_staff=True))
    assert site.get("/health/prometheus", HTTP_ACCEPT=OPENMETRICS).content.endswith(b"# EOF\n")


@DATABASE
def test_the_endpoint_keeps_to_the_limit(site: Any, settings: Any) -> None:
    settings.ARTISAN_MONITORING = {"DATABASE": "monitoring", "HEALTH": {"TOKENS": [TOKEN], "RATE_LIMIT": 2}}
    assert [site.get("/health/prometheus", **BEARER).status_code for _ in range(3)] == [200, 200, 429]


@DATABASE
def test_a_store_that_is_away_is_503(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str | None = None) -> None:
        raise StoreUnavailable("gone, with hunter2")

    monkeypatch.setattr(get_store(), "totals", away)
    answer = site.get("/health/prometheus", **BEARER)
    assert (answer.status_code, b"hunter2" in answer.content) == (503, False)
