"""The context is on the record when it is made, whoever makes it and wherever it is written."""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from logging.handlers import QueueHandler

import pytest

from artisan_monitoring.core import context as core_context
from artisan_monitoring.logs import context
from artisan_monitoring.logs.fields import RECORD_ATTRIBUTES


def test_keys_are_those_of_the_core():
    assert tuple(key for key, _ in core_context.KEYS) == context.KEYS


def test_every_record_carries_the_context(log):
    core_context.request_id.set("r" * 8)
    core_context.user_pk.set("7")
    log.logger.info("x")
    entry = log.only()
    assert (entry["request_id"], entry["user_pk"]) == ("r" * 8, "7")
    assert "trace_id" not in entry
    core_context.clear()
    log.logger.info("x")
    assert "request_id" not in log.only()


def test_each_key_is_stamped(log):
    for key, variable in core_context.KEYS:
        variable.set(f"value of {key}")
    log.logger.info("x")
    entry = log.only()
    assert {key: entry[key] for key in context.KEYS} == {key: f"value of {key}" for key in context.KEYS}


def test_context_survives_a_queue_and_another_thread(log):
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    log.logger.handlers = [QueueHandler(records)]
    core_context.request_id.set("here")
    log.logger.info("x %s", "y", extra={"password": "z", "n": 1})
    thread = threading.Thread(target=lambda: contextvars.Context().run(log.handler.handle, records.get()))
    thread.start()
    thread.join()
    entry = log.only()
    assert (entry["request_id"], entry["message"], entry["n"], entry["password"]) == ("here", "x y", 1, "[redacted]")


def test_host_may_give_its_own_key_of_the_same_name(log):
    core_context.request_id.set("ours")
    log.logger.info("x", extra={"request_id": "theirs", "client": "c", "task": "t"})
    entry = log.only()
    assert entry["request_id"] == "ours"
    assert entry["field.request_id"] == "theirs"


def test_factory_before_ours_is_called_and_ours_is_put_in_once():
    made: list[str] = []

    def hosts(*args: object, **kwargs: object) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        record.tenant = "t1"
        made.append(record.name)
        return record

    logging.setLogRecordFactory(hosts)
    context.install()
    context.install()
    core_context.request_id.set("r")
    made.clear()
    record = logging.getLogger("x").makeRecord("x", 20, "", 0, "m", (), None)
    assert record.tenant == "t1"
    assert record.artisan_context == {"request_id": "r"}
    assert made == ["x"]


def test_factory_is_put_back_when_another_threw_it_away():
    context.install()
    logging.setLogRecordFactory(logging.LogRecord)
    context.install()
    assert logging.getLogRecordFactory() is context.make_record
    assert context.wraps_standard()


def test_factory_inside_a_foreign_one_is_left_alone():
    context.install()
    ours = logging.getLogRecordFactory()

    def foreign(*args: object, **kwargs: object) -> logging.LogRecord:
        return ours(*args, **kwargs)

    logging.setLogRecordFactory(foreign)
    context.install()
    assert logging.getLogRecordFactory() is foreign


def test_filter_offers_the_context_to_other_formats():
    chosen = context.ContextFilter()
    core_context.request_id.set("abc")
    record = logging.getLogRecordFactory()("x", 20, "", 0, "m", (), None)
    assert chosen.filter(record) is True
    assert logging.Formatter("%(request_id)s %(trace_id)s %(message)s").format(record) == "abc - m"


@pytest.mark.parametrize("name", context.KEYS)
def test_context_keys_are_no_attributes_of_records(name):
    # or `extra={"request_id": ...}` of a host would raise KeyError
    assert name not in RECORD_ATTRIBUTES
