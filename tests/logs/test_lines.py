"""What a line says: its keys, messages, exceptions, cuts and repairs."""

from __future__ import annotations

import datetime
import decimal
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from artisan_monitoring.logs import JsonFormatter, counters, lines
from tests.logs.conftest import Log, strict
from tests.logs.hostile import BrokenError, armed, cyclic


@pytest.fixture
def broken_armed() -> Iterator[None]:
    with armed():
        yield


def test_line_has_the_promised_keys(log):
    log.logger.warning("Paid %s", "order", extra={"order": 7})
    entry = log.only()
    assert list(entry) == ["timestamp", "level", "logger", "message", "order", "service", "environment", "location"]
    assert entry["message"] == "Paid order"
    assert entry["order"] == 7
    assert entry["environment"] == "test"
    assert entry["location"].startswith(__file__ + ":")
    moment = datetime.datetime.fromisoformat(entry["timestamp"])
    assert entry["timestamp"].endswith("Z")
    assert abs((datetime.datetime.now(datetime.UTC) - moment).total_seconds()) < 60


def test_timestamp_is_exact(log):
    for created, text in [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1_764_000_000.5, "2025-11-24T16:00:00.500000Z"),
        (1_764_000_000.25, "2025-11-24T16:00:00.250000Z"),
        (1_764_000_059.999_999, "2025-11-24T16:00:59.999999Z"),
    ]:
        record = logging.makeLogRecord({"msg": "x", "levelno": 20, "created": created})
        assert strict(log.handler.format(record))["timestamp"][:-2] == text[:-2]


def test_service_and_release_come_from_the_settings_in_force(log, settings):
    settings.ARTISAN_MONITORING = {"SERVICE": "shop", "RELEASE": "1.4.2", "REDACTION": {"KEYS": ("shoe",)}}
    log.logger.info("x", extra={"shoe": "43"})
    entry = log.only()
    assert (entry["service"], entry["release"], entry["shoe"]) == ("shop", "1.4.2", "[redacted]")
    settings.ARTISAN_MONITORING = {"SERVICE": "other"}
    log.logger.info("x", extra={"shoe": "43"})
    entry = log.only()
    assert (entry["service"], entry["shoe"]) == ("other", "43")
    assert "release" not in entry


def test_fields_cannot_pretend_to_be_the_line_itself(log):
    log.logger.info("real", extra={"level": "DEBUG", "timestamp": "never", "logger": "x", "truncated": False})
    entry = log.only()
    assert (entry["level"], entry["message"], entry["logger"]) == ("INFO", "real", "test.logs")
    assert entry["field.level"] == "DEBUG"
    assert entry["field.timestamp"] == "never"
    assert "truncated" not in entry


def test_wrong_arguments_are_told(log):
    log.logger.info("%d items of %s", "many")  # noqa: PLE1206
    assert log.only()["message"] == "%d items of %s ['many']"
    log.logger.info("nothing to format", 1, 2)  # noqa: PLE1205
    assert log.only()["message"] == "nothing to format [1, 2]"
    log.logger.info("%(user)s %(password)s", {"user": "bob", "password": "x"})
    assert log.only()["message"] == "bob [redacted]"
    log.logger.info("%.2f %d %s %r", decimal.Decimal("1.234"), True, None, ["a"])
    assert log.only()["message"] == "1.23 1 None ['a']"


def test_dictionary_as_message_is_fields(log):
    log.logger.info({"message": "hello", "user": 1, "password": "x", "level": "y"})
    entry = log.only()
    assert entry["message"] == "hello"
    assert entry["user"] == 1
    assert entry["password"] == "[redacted]"
    assert entry["level"] == "INFO"


def test_exception_is_told_under_opentelemetrys_names(log):
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            raise ValueError("dsn postgres://u:hunter2@h/db") from first
    except ValueError:
        log.logger.exception("failed")
    entry = log.only()
    assert entry["exception.type"] == "ValueError"
    assert entry["exception.message"] == "dsn postgres://[redacted]@h/db"
    assert "KeyError: 'first'" in entry["exception.stacktrace"]
    assert "hunter2" not in json.dumps(entry).replace('raise ValueError(\\"dsn postgres://u:hunter2', "")


def test_exceptions_that_cannot_be_shown(log, broken_armed):
    for error in (BrokenError("x"), Exception(cyclic()), ExceptionGroup("g", [BrokenError("y"), OSError(1, "z")])):
        error.__cause__ = BrokenError()
        error.__cause__.__context__ = error  # a loop
        log.logger.error("failed", exc_info=error)
        assert log.only()["exception.type"].endswith(type(error).__name__)
    log.logger.error("none", exc_info=True)  # noqa: LOG014
    assert "exception.type" not in log.only()


def test_very_long_chain_of_exceptions(log):
    error = Exception("0")
    for number in range(3_000):
        following = Exception(str(number))
        following.__context__ = error
        error = following
    log.logger.error("failed", exc_info=error)
    assert log.only()["exception.message"] == "2999"


def test_logging_at_the_edge_of_the_stack(log):
    depth = 0

    def dive() -> None:
        nonlocal depth
        depth += 1
        log.logger.info("deep", extra={"a": {"b": [1, {"c": 2}]}})
        dive()

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        with pytest.raises(RecursionError):
            dive()
    finally:
        sys.setrecursionlimit(limit)
    assert len(log.entries()) >= depth - 60  # the last few had no room to run in


def test_stack_info(log):
    log.logger.info("here", stack_info=True)
    assert "test_stack_info" in log.only()["stack"]


def test_long_things_are_cut_and_say_so(log):
    before = counters.truncated
    log.logger.info("x" * 1_000_000)
    entry = log.only()
    assert entry["truncated"] is True
    assert len(entry["message"]) <= 16_384
    log.logger.info("m", extra={"a": "y" * 1_000_000})
    assert log.only()["truncated"] is True
    log.logger.info("m", extra={f"f{number}": "z" * 8_000 for number in range(40)})
    assert log.only()["truncated"] is True
    log.logger.info("m", extra={f"f{number}": number for number in range(1_000)})
    assert log.only()["truncated"] is True
    log.logger.info("m", extra={f"f{number}": "😀" * 8_000 for number in range(20)})
    assert log.only()["truncated"] is True
    log.logger.info("m", extra={"many": list(range(1_000))})
    assert log.only()["truncated"] is True
    assert counters.truncated - before == 6
    log.logger.info("short", extra={"a": "y" * 1_000})
    assert "truncated" not in log.only()
    assert counters.truncated - before == 6


def test_repairs_are_counted(log):
    before = counters.unserialisable
    log.logger.info("\udc80 %s", "\ud800")
    assert log.only()["message"] == "\\udc80 \\ud800"
    log.logger.info("x", extra={"nested": {"\udc80": ["\udc81", float("nan"), 2**70]}})
    assert log.only()["nested"] == {"\\udc80": ["\\udc81", None, str(2**70)]}
    assert counters.unserialisable - before == 2
    log.logger.info("😀 é", extra={"nan": float("nan")})
    assert log.only()["message"] == "😀 é"
    assert counters.unserialisable - before == 2


def test_both_encoders_write_the_same(monkeypatch):
    pytest.importorskip("orjson")
    fast, slow = Log(JsonFormatter()), Log(JsonFormatter())
    record = logging.makeLogRecord(
        {
            "msg": "é \x7f \u2028 😀 %s",
            "args": ("\udc80",),
            "a": 1.5,
            "b": 10**25,
            "c": float("inf"),
            "d": {"e": [None]},
        }
    )
    line = fast.handler.format(record)
    monkeypatch.setattr(lines, "encode", lines.encode_stdlib)
    assert slow.handler.format(record) == line


def test_renamed_and_static_keys():
    log = Log(
        JsonFormatter(rename_fields={"level": "log.level", "user": "user.id"}, static_fields={"ecs.version": "8.11"})
    )
    log.logger.info("x", extra={"user": 1})
    (line,) = log.text.splitlines()
    values = json.loads(line)
    assert (values["log.level"], values["user.id"], values["ecs.version"]) == ("INFO", 1, "8.11")
    assert "level" not in values


def test_levels_of_the_hosts_own(log):
    logging.addLevelName(25, "\x1b[31mNOTICE\nfake")
    try:
        log.logger.log(25, "x")
    finally:
        logging._levelToName.pop(25)
        logging._nameToLevel.pop("\x1b[31mNOTICE\nfake")
    assert log.only()["level"] == "\x1b[31mNOTICE\nfake"  # escaped in the line: strict() looked
