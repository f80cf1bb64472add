"""Log records by OTLP: what is logged arrives at a real receiver once, with its context; the rest is counted."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.proto", reason="the extra otel")

from django.test import Client

from artisan_monitoring import logger
from artisan_monitoring.core import context as core_context
from artisan_monitoring.core.context import Observation, within
from artisan_monitoring.health.checks.otlp import OtlpCheck
from artisan_monitoring.integrations.opentelemetry import export, logs, outbox
from artisan_monitoring.integrations.opentelemetry.backoff import NOTE
from artisan_monitoring.integrations.opentelemetry.log_encoding import log_request, severity_number
from artisan_monitoring.integrations.opentelemetry.sending import NotExported
from artisan_monitoring.logs import access, context, logging_config
from artisan_monitoring.logs.handlers import LineHandler
from artisan_monitoring.models import LogOutbox, QuarantinedRecord
from artisan_monitoring.pipeline import jobs
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.pipeline.drain import drain
from artisan_monitoring.pipeline.flusher import flusher
from artisan_monitoring.pipeline.purge import purge_expired
from artisan_monitoring.pipeline.sinks import sink_for
from artisan_monitoring.stores import get_store
from artisan_monitoring.testing import override_monitoring
from tests.integrations.otlp_receiver import LOST, Log, Receiver, receiving
from tests.services import RedisServer

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ROOT = Path(__file__).parents[2]
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("django", "django.server"))]
    before = [(each, each.level, each.handlers[:], each.propagate) for each in loggers]
    factory, previous = logging.getLogRecordFactory(), context._previous
    yield
    for each, level, handlers, propagate in before:
        each.level, each.handlers, each.propagate = level, handlers, propagate
        each.manager._clear_cache()
    logging.setLogRecordFactory(factory)
    context._previous = previous
    core_context.clear()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of log records from INFO on, and a process that has recorded nothing and logs as JSON."""
    buffer.reset()
    flusher.reset()
    registered = dict(jobs._jobs)
    logging.config.dictConfig(logging_config(level="INFO"))
    chosen = {"SERVICE": "shop", "RELEASE": "1.4.2", "HOST": "web-1"}
    with receiving() as made, override_monitoring(**chosen, OTLP={"ENDPOINT": made.url, "LOGS": "INFO"}):
        export.connect()
        yield made
    jobs._jobs.clear()
    jobs._jobs.update(registered)
    buffer.reset()
    flusher.reset()


def move() -> None:
    """Bring what was logged from the buffer into the outbox."""
    assert flusher.flush()
    drain()


def arrived(receiver: Receiver, name: str = "artisan-platform") -> list[Log]:
    return [each for each in receiver.logs() if each.scope == name]


def end_pause() -> None:
    store = get_store()
    told = store.notes(NOTE)["logs"].value
    store.set_note(NOTE, "logs", {**told, "until": 0.0}, 60)


def test_a_record_arrives_whole(receiver: Receiver) -> None:
    seen = Observation()
    seen.request_id, seen.trace_id, seen.span_id, seen.client_shown = "r-1", TRACE, SPAN, "192.0.2.0"
    before = time.time_ns()
    with within(seen):
        logger.warning(
            "Payment %s", "failed", order=7, ratio=0.5, ok=True, nothing=None, tags=[1, "a"], cart={"size": 2},
            huge=2**70, user_pk="of the project", password="hunter2hunter2",
        )  # fmt: skip
    move()
    assert export.export_otlp() == 1
    assert receiver.paths == ["/v1/logs"]
    (log,) = receiver.logs()
    record = log.record
    assert log.body == "Payment failed"
    assert (record.severity_number, record.severity_text) == (13, "WARNING")
    assert (record.trace_id.hex(), record.span_id.hex()) == (TRACE, SPAN)
    assert before - 1000 <= record.time_unix_nano <= time.time_ns()
    assert record.observed_time_unix_nano == record.time_unix_nano
    assert log.scope == "artisan-platform"
    process = log.resource.pop("service.instance.id")
    assert process == flusher.process
    assert log.resource == {
        "service.name": "shop", "deployment.environment.name": "production", "service.version": "1.4.2",
        "host.name": "web-1",
    }  # fmt: skip
    attributes = log.attributes
    assert attributes.pop("code.file.path") == __file__
    assert attributes.pop("code.line.number") > 0  # type: ignore[operator]
    assert attributes == {
        "request_id": "r-1", "client.address": "192.0.2.0", "order": 7, "ratio": 0.5, "ok": True, "nothing": None,
        "tags": [1, "a"], "cart": {"size": 2}, "huge": str(2**70), "field.user_pk": "of the project",
        "password": "[redacted]",
    }  # fmt: skip
    assert not LogOutbox.objects.using("monitoring").exists()


def test_an_exception_arrives_under_opentelemetrys_names(receiver: Receiver) -> None:
    try:
        raise LookupError("no such order")
    except LookupError:
        logging.getLogger("shop.orders").exception("Broken")
    move()
    export.export_otlp()
    (log,) = arrived(receiver, "shop.orders")
    assert log.record.severity_number == 17
    assert (log.attributes["exception.type"], log.attributes["exception.message"]) == ("LookupError", "no such order")
    assert "test_an_exception_arrives" in str(log.attributes["exception.stacktrace"])


def test_the_access_log_arrives_by_its_short_way(receiver: Receiver) -> None:
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if isinstance(each, LineHandler)]  # pytest has its own
    plan = access._Plan(logging.INFO)
    assert len(plan.writers) == 2  # standard output and the export
    assert plan.formatter is not None
    Client().get("/nowhere/", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    move()
    export.export_otlp()
    (log,) = arrived(receiver, "artisan_monitoring.access")
    assert log.body == "GET /nowhere/ 404"
    assert log.record.trace_id.hex() == TRACE
    expected = {"http.request.method": "GET", "url.path": "/nowhere/", "http.response.status_code": 404}
    assert expected.items() <= log.attributes.items()
    assert log.attributes["duration_ms"] > 0  # type: ignore[operator]


def test_only_from_the_level_on_and_only_where_it_is_wanted(receiver: Receiver) -> None:
    with override_monitoring(OTLP={"LOGS": "ERROR"}):
        logger.warning("less")
        logger.error("enough")
    with override_monitoring(OTLP={"LOGS": ""}):
        logger.error("not wanted")
        assert not any(isinstance(each, logs.ForwardingHandler) for each in logging.getLogger().handlers)
    move()
    export.export_otlp()
    assert [each.body for each in receiver.logs()] == ["enough"]


def test_logging_set_up_anew_is_listened_to_from_the_next_flush_on(receiver: Receiver) -> None:
    logging.config.dictConfig(logging_config(level="INFO"))
    logger.info("unheard")
    flusher.flush()
    logger.info("heard")
    move()
    export.export_otlp()
    assert [each.body for each in arrived(receiver)] == ["heard"]


def test_lines_in_a_format_of_the_projects_own_are_exported_in_ours(receiver: Receiver) -> None:
    logging.config.dictConfig(logging_config(level="INFO", environment="development"))
    logs.attach()
    logger.info("readable", order=7)
    move()
    export.export_otlp()
    (log,) = arrived(receiver)
    assert (log.body, log.attributes["order"], log.resource["deployment.environment.name"]) == ("readable", 7, "test")


@pytest.mark.parametrize(
    ("level", "number"),
    [(0, 0), (5, 1), (10, 5), (20, 9), (21, 10), (25, 12), (29, 12), (30, 13), (40, 17), (50, 21), (60, 24), (99, 24)],
)
def test_severity_numbers(level: int, number: int) -> None:
    assert severity_number(level) == number


# -- when it is not taken ----------------------------------------------------------------------------------------------


def test_a_failure_costs_nothing_but_time(receiver: Receiver) -> None:
    logger.error("first")
    move()
    receiver.refuse(503, Retry_After="700")
    with pytest.raises(NotExported, match="503"):
        export.export_otlp()
    told = get_store().notes(NOTE)["logs"].value
    assert told["failures"] == 1
    assert told["until"] - get_store().now() > 650  # it asked for more than a period
    with pytest.raises(NotExported, match="waiting after 1 failures"):
        export.export_otlp()
    assert receiver.paths == ["/v1/logs"]
    end_pause()
    logger.error("second")
    move()
    assert export.export_otlp() >= 2
    assert [each.body for each in arrived(receiver)] == ["first", "second"]
    assert get_store().notes(NOTE)["logs"].value["failures"] == 0


def test_metrics_that_are_not_taken_keep_no_log_back(receiver: Receiver) -> None:
    from artisan_monitoring import metrics_collector

    metrics_collector.increment("orders")
    logger.error("went")
    move()
    receiver.refuse(500)
    with pytest.raises(NotExported, match="500"):
        export.export_otlp()
    assert receiver.paths == ["/v1/metrics", "/v1/logs"]
    assert [each.body for each in arrived(receiver)] == ["went"]


def test_sent_twice_only_after_a_lost_reply(receiver: Receiver) -> None:
    logger.error("one")
    move()
    receiver.answers.append((LOST, {}, b""))
    with pytest.raises(NotExported, match="cannot be reached"):
        export.export_otlp()
    end_pause()
    export.export_otlp()
    one, again = receiver.log_requests
    assert one == again  # the same, to the bit: a receiver can tell
    assert export.export_otlp() == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_good_is_counted_and_told_and_gone(receiver: Receiver, status: int) -> None:
    logger.error("one")
    logger.error("two")
    move()
    receiver.refuse(status)
    assert export.export_otlp() == 0
    assert buffer.dropped["log.refused"] == 2
    assert not LogOutbox.objects.using("monitoring").exists()


def test_a_part_that_is_refused_is_counted(receiver: Receiver) -> None:
    for number in range(3):
        logger.error("number %d", number)
    move()
    receiver.take_logs_but(1, "too long")
    assert export.export_otlp() == 2
    assert buffer.dropped["log.refused"] == 1
    move()
    totals = {
        dict(each.series.tags)["outcome"]: each.cell.sum for each in get_store().totals("artisan.otlp.log_records")
    }
    assert totals == {"taken": 2, "refused": 1}


def test_what_the_exporter_logs_is_not_exported(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().addHandler(caplog.handler)
    for _ in range(3):
        logger.error("again")
        move()
        receiver.take_logs_but(1, "no")
        logs.export_logs(get_store(), time.monotonic() + 60)
    assert caplog.text.count("refused 1 of 1 log records: no") == 3
    assert {each.scope for each in receiver.logs()} == {"artisan-platform"}
    assert len(receiver.logs()) == 3


def test_a_slow_endpoint_does_not_outlive_the_lease(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    logger.error("waits")
    move()
    monkeypatch.setattr(export, "LEASE_SHARE", -1)
    assert export.export_otlp() == 0
    assert receiver.paths == []
    monkeypatch.undo()
    assert export.export_otlp() == 1


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_many_lines_go_in_several_requests_in_their_order(receiver: Receiver) -> None:
    for number in range(450):
        logger.info("line", number=number)
    move()
    assert export.export_otlp() == 450
    sizes = [sum(len(scope.log_records) for each in request.resource_logs for scope in each.scope_logs)
             for request in receiver.log_requests]  # fmt: skip
    assert max(sizes) <= outbox.LINES_PER_ROW
    assert len(sizes) == 3
    assert [each.attributes["number"] for each in receiver.logs()] == list(range(450))


def test_small_rows_go_together_and_long_lines_apart(receiver: Receiver) -> None:
    for number in range(5):
        logger.info("short", number=number)
        move()
    assert LogOutbox.objects.using("monitoring").count() == 5
    export.export_otlp()
    assert len(receiver.log_requests) == 1
    for _ in range(9):
        logger.info("x" * 7_000, more="y" * 7_900, again=["z" * 7_900] * 4)
    move()
    export.export_otlp()
    assert len(receiver.log_requests) >= 3
    assert len(receiver.logs()) == 14


def test_beyond_its_lines_the_outbox_takes_no_more_and_says_so(receiver: Receiver) -> None:
    with override_monitoring(OTLP={"LOG_LINES": 5}, IN_TESTS=True, FLUSH="request_finished"):
        for number in range(8):
            logger.info("line", number=number)
        move()
        assert buffer.dropped["log.outbox_full"] == 3
        found = {each.name: each for each in OtlpCheck().run()}
        assert (found["waitingLogs"].value, found["waitingLogs"].status) == (5, "warn")
        export.export_otlp()
        logger.info("line", number=8)
        move()
        export.export_otlp()
    assert [each.attributes["number"] for each in arrived(receiver)] == [0, 1, 2, 3, 4, 8]


def test_what_has_waited_too_long_is_dropped_and_counted(receiver: Receiver) -> None:
    logger.info("old")
    logger.info("older")
    move()
    LogOutbox.objects.using("monitoring").update(added_at=time.time() - 25 * 3600)
    logger.info("new")
    move()
    assert purge_expired()["log_outbox"] == 0  # the export does it, while nothing is on its way
    export.export_otlp()
    assert buffer.dropped["log.expired"] == 2
    assert [each.body for each in arrived(receiver)] == ["new"]


def test_where_nobody_exports_any_more_the_purge_empties_the_outbox(receiver: Receiver) -> None:
    logger.info("left")
    move()
    LogOutbox.objects.using("monitoring").update(added_at=time.time() - 25 * 3600)
    with override_monitoring(OTLP={"LOGS": ""}):
        assert purge_expired()["log_outbox"] == 1
    assert not LogOutbox.objects.using("monitoring").exists()


def test_a_flood_is_counted_where_it_does_not_fit(receiver: Receiver) -> None:
    for number in range(1200):
        logger.info("flood", number=number)
    assert buffer.dropped["log.full"] == 200
    move()
    assert export.export_otlp() == 1000


def test_a_full_buffer_is_flushed_at_once(receiver: Receiver) -> None:
    for _ in range(logs.HURRY_AT - 1):
        logger.info("many")
    assert not flusher._wake.is_set()
    logger.info("one more")
    assert flusher._wake.is_set()


def test_a_full_inbox_takes_counts_and_no_lines(receiver: Receiver) -> None:
    for _ in range(40):
        logger.info("line", text=os.urandom(200).hex())
    with override_monitoring(LIMITS={"INBOX_BYTES": 2_000}):
        flusher.flush()
    assert buffer.dropped["samples.inbox_full"] == 40
    move()
    assert export.export_otlp() == 0
    assert not QuarantinedRecord.objects.using("monitoring").exists()


def test_a_row_that_cannot_be_read_is_counted_and_passed(receiver: Receiver) -> None:
    LogOutbox.objects.using("monitoring").create(lines=4, size=10, payload=b"not zlib", added_at=time.time())
    sink_for("log")(  # type: ignore[misc]
        [
            {"level": 20, "host": "h", "process": "p", "samples": [text]}
            for text in ("[1]", "{}", '{"message": "good", "timestamp": "not a time"}', '{"message": "good"}')
        ],
        using="monitoring",
    )
    assert export.export_otlp() == 2
    assert buffer.dropped["log.unreadable"] == 6
    assert [each.body for each in receiver.logs()] == ["", "good"]


def test_lines_of_two_releases_have_two_resources() -> None:
    lines = [outbox.Line(20, "h", "p", json.dumps({"message": "m", "release": release})) for release in ("1", "2", "1")]
    request, made = log_request(lines, 0.0)
    assert made == 3
    assert [len(each.scope_logs[0].log_records) for each in request.resource_logs] == [2, 1]


# -- several processes -------------------------------------------------------------------------------------------------

SITE = """
import logging, os, sys
from artisan_monitoring.logs import logging_config
from tests import settings
settings.LOGGING = logging_config(level="INFO")
settings.ARTISAN_MONITORING = {
    **settings.ARTISAN_MONITORING, "HOUSEKEEPING": "off", "FLUSH_INTERVAL_S": 0.2, "SERVICE": "shop",
    "STORE": {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": sys.argv[1], "shards": 2}},
    "OTLP": {"ENDPOINT": sys.argv[2], "LOGS": "INFO"},
}
import django
django.setup()
from artisan_monitoring import logger
logger.info("before the fork", who=sys.argv[3])
child = os.fork()
who = f"{sys.argv[3]}.{'parent' if child else 'child'}"
for number in range(120):
    logger.info("line", who=who, number=number)
if child:
    os.waitpid(child, 0)
sys.exit()
"""


def test_every_line_of_every_process_arrives_once(
    receiver: Receiver, redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.client().flushall()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TESTS_DIR": str(tmp_path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SITE, redis_server.url, receiver.url, name],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("a", "b", "c")
    ]  # fmt: skip
    written: list[dict[str, object]] = []
    for each in started:
        out, err = each.communicate(timeout=60)
        assert each.returncode == 0, err
        written += [json.loads(line) for line in out.splitlines()]
    store = {
        "BACKEND": "artisan_monitoring.stores.redis.RedisStore",
        "OPTIONS": {"url": redis_server.url, "shards": 2},
    }
    receiver.refuse(503)
    with override_monitoring(STORE=store):
        drain()
        with pytest.raises(NotExported):
            jobs.run_job(export.JOB)
        for name in ("pause", "logs"):
            get_store().set_note(NOTE, name, {}, 1.0)
        assert jobs.run_job(export.JOB)
    # What standard output was given and what the receiver got are the same lines.
    ours = [
        each
        for each in receiver.logs()
        if each.resource["service.name"] == "shop" and each.scope != "artisan_monitoring"
    ]
    assert len(ours) == 3 * (1 + 2 * 120)
    assert Counter((each.attributes["who"], each.attributes.get("number")) for each in ours) == Counter(
        (each["who"], each.get("number")) for each in written
    )
    assert len({each.resource["service.instance.id"] for each in ours}) == 6
    redis_server.client().flushall()
