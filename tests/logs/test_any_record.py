"""Whatever is logged, exactly one strict, bounded line of JSON comes out."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artisan_monitoring.logs.binding import bound
from artisan_monitoring.logs.logger import StructuredLogger
from tests.logs.conftest import Log, strict
from tests.logs.hostile import NASTY, armed

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

anything = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# By index: hypothesis shows strategies by the repr of what they hold.
nasty = st.integers(0, len(NASTY) - 1).map(lambda index: NASTY[index])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
values = st.recursive(
    plain | nasty,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()) | st.integers(), inner, max_size=4)
    ),
    max_leaves=8,
)
names = st.text(st.characters(), min_size=1, max_size=20) | st.sampled_from(
    ["message", "msg", "name", "args", "level", "timestamp", "logger", "exc_text", "request_id", "asctime", "service"]
)


@anything
@given(message=values, args=st.lists(values, max_size=3), fields=st.dictionaries(names, values, max_size=6))
def test_any_record_is_one_line(log, message, args, fields):
    logger = StructuredLogger()
    logger._name = "test.logs"
    _target(logger, log)
    for reserved in ("exc_info", "stack_info", "stacklevel", "extra"):
        fields.pop(reserved, None)
    with armed():
        logger.error(message, *args, **fields)
    entry = log.only()
    assert entry["level"] == "ERROR"
    assert entry["logger"] == "test.logs"


def _target(logger: StructuredLogger, log: Log) -> None:
    logger._binding, logger._logger = bound(), log.logger


@anything
@given(extra=st.dictionaries(names, values, max_size=5), message=st.text(st.characters()))
def test_any_extra_of_the_standard_logger_is_one_line(log, extra, message):
    log.stream.truncate(log.stream.seek(0))
    try:
        with armed():
            log.logger.info(message, extra=extra)
    except KeyError:  # logging's own: "Attempt to overwrite ... in LogRecord"
        return
    log.only()


@anything
@given(state=st.dictionaries(st.sampled_from(sorted(vars(logging.makeLogRecord({})))), values, max_size=4))
def test_any_broken_record_is_one_line(log, state):
    # Records come from sockets, pickles and other libraries: any attribute may be anything.
    record = logging.makeLogRecord({"name": "test.logs", "msg": "x", "levelno": 20, **state})
    with armed():
        log.handler.emit(record)
    log.only()


@pytest.mark.parametrize(
    "attribute", ["msg", "args", "created", "name", "levelno", "levelname", "exc_info", "pathname"]
)
def test_record_without_an_attribute_is_one_line(log, attribute):
    record = logging.makeLogRecord({"msg": "x"})
    delattr(record, attribute)
    strict(log.handler.format(record))
